/** ka's own chain, as users run it: encryption, digests, acknowledgements and repair on. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Cleanup } from '../demo/cleanup.ts';
import { DEFAULT_RING_BYTES } from '../protocol/constants.ts';
import { FRAME_KEY_BYTES } from '../protocol/frame.ts';
import { LINK_KEY_BYTES } from '../protocol/link.ts';
import type { Network } from '../protocol/network.ts';
import { NamedError } from '../system/named-error.ts';
import { type ChainSource, EPOCH, PASS } from './chain-messages.ts';
import { ChainProcess } from './chain-process.ts';
import type { ChainTool, RunContext, Sample } from './sample.ts';
import { KA, KA_TRUSTED } from './targets.ts';

export interface ChainResult {
  sample: Sample;
  encoding: 'identity' | 'zstd';
  /** From the first order until the streams begin: connecting, and measuring the line where that is done. */
  secondsBefore: number;
  sentBytes: number;
}

/**
 * Runs one pass of real processes. The sample's `bytes` are the source's, before
 * compression; its time begins with the streams, when the origin has chosen how
 * to send them and the noise it measured with has left the chain, and ends when
 * the last node has finished.
 */
export const runKaChain = async (
  { lab, nodes, signal }: Omit<RunContext, 'payload'>,
  source: ChainSource,
  network: Network,
): Promise<ChainResult> => {
  await using processes = new Cleanup();
  const start = (...args: ConstructorParameters<typeof ChainProcess>): ChainProcess => {
    const process = new ChainProcess(...args);
    processes.add(() => process[Symbol.asyncDispose]());
    return process;
  };
  const hosts = lab.nodes.slice(0, nodes);
  const key = randomBytes(FRAME_KEY_BYTES).toString('base64');
  const common = { network, key, ringBytes: DEFAULT_RING_BYTES };
  /** Of the link to each node. */
  const linkKeys = hosts.map(() => randomBytes(LINK_KEY_BYTES).toString('base64'));
  const origin = start(lab.golden, 'bench-origin', signal);
  const { address } = lab.golden;
  const linkKey = linkKeys[0] ?? '';
  origin.tell({ type: 'start', ...common, host: address, nodes, linkKey, source });
  const hops = hosts.map((host, index) => {
    const hop = start(host, 'bench-hop', signal);
    hop.tell({ type: 'start', ...common, host: host.address, node: index + 1 });
    return hop;
  });
  const ports = await Promise.all(
    [origin, ...hops].map(async (process) => (await process.report('listening')).port),
  );

  const started = performance.now();
  for (const [index, hop] of hops.entries()) {
    const upstream = index === 0 ? lab.golden : hosts[index - 1];
    hop.tell({
      type: 'follow',
      order: {
        pass: PASS,
        epoch: EPOCH,
        upstream: {
          node: index,
          host: upstream?.address ?? '',
          port: ports[index] ?? 0,
          key: linkKeys[index] ?? '',
        },
        downstream: index + 1 < nodes ? { node: index + 2, key: linkKeys[index + 1] ?? '' } : null,
      },
    });
  }
  origin.tell({ type: 'measure' });
  const { encoding, position } = await origin.report('measured');
  for (const hop of hops) hop.tell({ type: 'expect', position });
  await Promise.all(hops.map((hop) => hop.report('reached')));
  const sending = performance.now();
  origin.tell({ type: 'send' });
  const ends = await Promise.all(hops.map((hop) => hop.report('finished')));
  const seconds = (performance.now() - sending) / 1000;
  const { sourceBytes, sentBytes } = await origin.report('sent');
  requireAll(ends, encoding === 'identity' ? sourceBytes : null);
  const troubles = [origin, ...hops].flatMap((process) => process.troubles);
  const sample = { seconds, bytes: sourceBytes, nodes: ends, troubles };
  return { sample, encoding, secondsBefore: (sending - started) / 1000, sentBytes };
};

/** Every node must have had the same number of bytes, and where it is known, this one. */
const requireAll = (ends: readonly { bytes: number }[], expected: number | null): void => {
  const wanted = expected ?? ends[0]?.bytes;
  const short = ends.findIndex(({ bytes }) => bytes !== wanted);
  if (short < 0) return;
  throw new NamedError(
    'ChainFailed',
    `node ${short + 1} got ${ends[short]?.bytes} bytes instead of ${wanted}; this is a fault in ka`,
  );
};

const kaIn = (name: string, network: Network): ChainTool => ({
  name,
  run: async (context) => {
    const source = { kind: 'file', path: context.payload.path } as const;
    return (await runKaChain(context, source, network)).sample;
  },
});

/** As it is by itself: streams are encrypted and vouched for. */
export const kaChain = kaIn(KA, 'open');

/** As the other tools: bytes are in clear. */
export const kaTrusted = kaIn(KA_TRUSTED, 'trusted');
