/** `npm run bench -- chain`: the chain beside its peers, and beside what must hold for it. */
import { fileURLToPath } from 'node:url';
import { Lab } from '../demo/lab.ts';
import { Network } from '../protocol/network.ts';
import { run } from '../system/run.ts';
import { mountDebian } from './debian-root.ts';
import { kaChain, kaTrusted, runKaChain } from './ka-chain.ts';
import { median } from './median.ts';
import { memoryDirectory } from './memory-directory.ts';
import type { ChainOptions } from './options.ts';
import { type FilePayload, writePayload } from './payload.ts';
import { iperf } from './peers/iperf.ts';
import { mbuffer } from './peers/mbuffer.ts';
import { ncTee } from './peers/nc-tee.ts';
import { udpcast } from './peers/udpcast.ts';
import type { Row } from './rows.ts';
import type { ChainTool } from './sample.ts';
import { fastVerdicts, lineVerdicts, type Verdict } from './targets.ts';
import { type Contest, inTurns, type Say } from './turns.ts';

const directory = fileURLToPath(new URL('../.cache/bench', import.meta.url));

/** udpcast is slow enough to be measured with less. */
const UDPCAST_SHARE = 16;

/** Of the Debian root. */
const LINE_MBIT = 200;
const LINE_BYTES_PER_SECOND = (LINE_MBIT * 1e6) / 8;
const LINE_NAME = `${LINE_MBIT}mbit`;
/**
 * 1 Gbit/s is what most clusters have, and as much as two nodes on one machine can
 * be given. 64 nodes on a few processors pass on what they can only just bear, with the
 * frames of a long stream; and getting 64 programs started would be most of a
 * short run. So they get as much as a golden usually has.
 */
const LINE_RUNS = [
  {
    mbit: 1000,
    nodes: [1, 2],
    mebibytes: 1024,
    link: '1gbit',
    limit: [iperf],
    tools: [kaChain, kaTrusted],
  },
  {
    mbit: LINE_MBIT,
    nodes: [1, 16],
    mebibytes: 128,
    link: LINE_NAME,
    limit: [iperf],
    tools: [kaChain, kaTrusted, mbuffer],
  },
  {
    mbit: LINE_MBIT,
    nodes: [1, 64],
    mebibytes: 4096,
    link: `${LINE_NAME}, 4 GiB`,
    limit: [],
    tools: [kaTrusted],
  },
];

const EMPTY_NODES = 16;
const EMPTY_STREAMS = 3;
const DEBIAN_NODES = 4;

export interface BenchResult {
  rows: Row[];
  verdicts: Verdict[];
}

const joined = (results: readonly BenchResult[]): BenchResult => ({
  rows: results.flatMap(({ rows }) => rows),
  verdicts: results.flatMap(({ verdicts }) => verdicts),
});

interface BenchContext {
  options: ChainOptions;
  say: Say;
  signal: AbortSignal;
}

const makeLab = (nodes: number, megabitsPerSecond?: number): Promise<Lab> =>
  Lab.create({ directory, nodes, megabitsPerSecond });

const makePayloads = async (lab: Lab, mebibytes: number) => {
  const memory = await memoryDirectory(lab, 'payload');
  return {
    whole: await writePayload(memory, mebibytes),
    part: await writePayload(memory, Math.max(1, Math.floor(mebibytes / UDPCAST_SHARE))),
  };
};

const fastLinks = async ({ options, say, signal }: BenchContext): Promise<BenchResult> => {
  await using lab = await makeLab(Math.max(...options.nodes));
  const { whole, part } = await makePayloads(lab, options.mebibytes);
  const contest = (tool: ChainTool, nodes: number, payload: FilePayload): Contest => ({
    tool,
    context: { lab, nodes, payload, signal },
  });
  const rows: Row[] = [];
  for (const nodes of options.nodes) {
    const contests = [
      ...(nodes === 1 ? [contest(iperf, 1, whole)] : []),
      ...[kaChain, kaTrusted, mbuffer, ncTee].map((tool) => contest(tool, nodes, whole)),
      contest(udpcast, nodes, part),
    ];
    rows.push(...(await inTurns(contests, { runs: options.runs, link: 'fast', say })));
  }
  return { rows, verdicts: fastVerdicts(rows) };
};

/** What a session costs before its first byte and after its last: streams without bytes. */
const emptyStreams = async (
  { options, say, signal }: BenchContext,
  network: Network,
): Promise<Verdict> => {
  await using lab = await makeLab(EMPTY_NODES);
  const what = `${EMPTY_STREAMS} empty streams, ${EMPTY_NODES} nodes, ${network}`;
  const taken: number[] = [];
  for (let round = 1; round <= options.runs; round += 1) {
    const source = { kind: 'empty', streams: EMPTY_STREAMS } as const;
    const context = { lab, nodes: EMPTY_NODES, signal };
    const { secondsBefore, sample } = await runKaChain(context, source, network);
    taken.push(secondsBefore + sample.seconds);
    say(`${what}: ${taken.at(-1)?.toFixed(3)} s`);
  }
  return { what, value: median(taken), atMost: 0.5, unit: ' s' };
};

const lineLinks = async (
  { options, say, signal }: BenchContext,
  { mbit, nodes, mebibytes, link, limit, tools }: (typeof LINE_RUNS)[number],
): Promise<BenchResult> => {
  await using lab = await makeLab(Math.max(...nodes), mbit);
  const payload = await writePayload(await memoryDirectory(lab, 'payload'), mebibytes);
  const at = (tool: ChainTool, count: number): Contest => ({
    tool,
    context: { lab, nodes: count, payload, signal },
  });
  const contests = [
    ...limit.map((tool) => at(tool, 1)),
    ...nodes.flatMap((count) => tools.map((tool) => at(tool, count))),
  ];
  const rows = await inTurns(contests, { runs: options.runs, link, say });
  return { rows, verdicts: lineVerdicts(rows) };
};

/** A Debian root over slow links, as the golden sends it: what comes out at the end against the line. */
const compressed = async ({ options, say, signal }: BenchContext): Promise<BenchResult> => {
  await using lab = await makeLab(DEBIAN_NODES, LINE_MBIT);
  const path = await mountDebian(lab, say, signal);
  // Read once: it is the chain that is measured, not this machine's disk.
  await run('tar', ['--create', '--file=/dev/zero', `--directory=${path}`, '.'], { signal });
  const samples = [];
  for (let round = 1; round <= options.runs; round += 1) {
    const context = { lab, nodes: DEBIAN_NODES, signal };
    const source = { kind: 'tree', path } as const;
    const { sample, encoding, sentBytes, secondsBefore } = await runKaChain(
      context,
      source,
      'open',
    );
    samples.push(sample);
    const share = ((100 * sentBytes) / sample.bytes).toFixed(0);
    say(
      `Debian root, ${DEBIAN_NODES} nodes, ${LINE_NAME}: ${encoding}, to ${share} %, ${sample.seconds.toFixed(1)} s after ${secondsBefore.toFixed(1)} s of measuring`,
    );
  }
  const rates = samples.map(({ bytes, seconds }) => bytes / seconds);
  const what = `delivered / line, Debian root, ${DEBIAN_NODES} nodes, ${LINE_NAME}`;
  return {
    rows: [],
    verdicts: [{ what, value: median(rates) / LINE_BYTES_PER_SECOND, atLeast: 2 }],
  };
};

export const chainBench = async (context: BenchContext): Promise<BenchResult> => {
  const { links } = context.options;
  const results: BenchResult[] = [];
  if (links !== 'limited') {
    results.push(await fastLinks(context));
    for (const network of Network.options) {
      results.push({ rows: [], verdicts: [await emptyStreams(context, network)] });
    }
  }
  if (links !== 'fast') {
    for (const lineRun of LINE_RUNS) results.push(await lineLinks(context, lineRun));
    results.push(await compressed(context));
  }
  return joined(results);
};
