/** Members of a pass against those behind them: who has the key can forge frames, and gains nothing. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { StreamLedger } from '../../client-agent/stream-ledger.ts';
import { FrameType } from '../../protocol/frame.ts';
import type { StreamRecord } from '../../protocol/vouch.ts';
import { type ByteSource, chunkSource } from '../../relay/byte-source.ts';
import { begin, Chain, key, type TestNode } from '../relay/support/chain.ts';
import { type Change, type ForgedFrame, replacing, startForging } from './support/forger.ts';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const GOOD = 'PermitRootLogin no ';
const EVIL = 'PermitRootLogin yes';

const someFiles = (): ByteSource =>
  chunkSource([Buffer.alloc(300_000, 'a'), Buffer.from(GOOD), Buffer.alloc(300_000, 'b')]);

/** Whether a node would use what it got: `good`, or how it would say that it does not. */
type Verdict = 'good' | { code: string; message: string };

interface Outcome {
  /** Of all who are no such members. */
  verdicts: Verdict[];
  vouched: StreamRecord[];
}

const judge = async (node: TestNode, vouched: readonly StreamRecord[]): Promise<Verdict> => {
  const result = await node.result;
  if (result !== 'finished')
    return Object.assign(result, { code: String(Reflect.get(result, 'code')) });
  const ledger = new StreamLedger(['files']);
  for (const record of vouched) ledger.vouch(record);
  ledger.end(vouched.map(({ stream }) => stream));
  for (const event of node.events) {
    if (event.type === 'record') ledger.keep(event.record, event.from);
  }
  return ledger.check(new AbortController().signal).then(
    () => 'good' as const,
    ({ code, message }: Error & { code: string }) => ({ code, message }),
  );
};

/** A chain of `nodes` in which these members do that to what they forward. */
const runForged = async (nodes: number, members: Map<number, Change>): Promise<Outcome> => {
  const chain = new Chain({ nodes });
  cleanups.push(() => chain.close());
  await chain.listen();
  const via = new Map<number, { host: string; port: number }>();
  for (const [member, change] of members) {
    const { host, hop } = chain.node(member);
    const forging = await startForging(
      { host: '127.0.0.99', port: 0 },
      () => ({ host, port: hop.port }),
      () => ({ secrets: { network: 'open', key, pass: 1 }, change }),
    );
    cleanups.push(() => forging.close());
    via.set(member + 1, forging);
  }
  chain.order(
    chain.nodes.map(({ number }) => number),
    via,
  );
  const { record } = await chain.origin.send(begin('files'), someFiles());
  await chain.origin.finish();
  const vouched = record === null ? [] : [record];
  // What a member itself makes of its clone is its own affair.
  const honest = chain.nodes.filter(({ number }) => !members.has(number));
  const verdicts = await Promise.all(honest.map((node) => judge(node, vouched)));
  return { verdicts, vouched };
};

const forged = (message: RegExp) => ({
  code: 'ForgedStream',
  message: expect.stringMatching(message),
});

const textOf = (frame: ForgedFrame): Record<string, unknown> => JSON.parse(frame.clear.toString());
/** As long as it was: otherwise what comes behind it would lie elsewhere. */
const withText = (frame: ForgedFrame, more: object): ForgedFrame => ({
  ...frame,
  clear: Buffer.from(JSON.stringify({ ...textOf(frame), ...more }).padEnd(frame.clear.length)),
});

describe('what a member forges with the key of the pass', () => {
  test('a changed file is found by all behind it, who name whom they read it from', async () => {
    let replaced = 0;
    const change = replacing(GOOD, EVIL, () => {
      replaced += 1;
    });
    const { verdicts } = await runForged(4, new Map([[2, change]]));
    expect(replaced).toBe(1);
    expect(verdicts).toEqual([
      'good',
      forged(/^stream "files" is not what the golden sent: sha256 differ; .* node 2 \(127\.0\.0\./),
      forged(/it came from node 3 /),
    ]);
  });

  test('two members around an honest node cannot make it take what nobody else sees', async () => {
    const members = new Map([
      [1, replacing(GOOD, EVIL)],
      [3, replacing(EVIL, GOOD)],
    ]);
    const { verdicts } = await runForged(4, members);
    expect(verdicts).toEqual([forged(/sha256 differ/), 'good']);
  });

  test('two members one behind the other gain nothing by it either', async () => {
    const members = new Map([
      [1, replacing(GOOD, 'PermitRootLogin xxx')],
      [2, replacing('PermitRootLogin xxx', EVIL)],
    ]);
    const { verdicts } = await runForged(3, members);
    expect(verdicts).toEqual([forged(/sha256 differ/)]);
  });

  const cases: [string, Change, RegExp][] = [
    [
      'a stream that is left out',
      (frame) => (frame.type === FrameType.close ? [{ ...frame, clear: Buffer.alloc(0) }] : []),
      /stream "files" did not come/,
    ],
    [
      'a stream that becomes noise',
      (frame) => [
        frame.type === FrameType.begin
          ? withText(frame, { kind: 'probe', expectedBytes: 0 })
          : frame,
      ],
      /stream "files" did not come/,
    ],
    [
      'a stream under another name',
      (frame) => [frame.type === FrameType.begin ? withText(frame, { name: 'other' }) : frame],
      /stream "other" is not what the golden sent: name and sha256 differ/,
    ],
    [
      'another encoding of the same bytes',
      (frame) => [frame.type === FrameType.begin ? withText(frame, { encoding: 'zstd' }) : frame],
      /encoding and sha256 differ/,
    ],
    [
      'bytes in frames that are cut in another way',
      (frame) => {
        if (frame.type !== FrameType.data || frame.clear.length < 100) return [frame];
        // Together as long as it was, with the second header.
        const [first, second] = [frame.clear.subarray(0, -52), Buffer.from('and more')];
        return [first, second].map((clear) => ({ ...frame, clear }));
      },
      /bytes and sha256 differ/,
    ],
    [
      'a stream that ends early',
      (frame) => [
        frame.type === FrameType.data
          ? { ...frame, clear: frame.clear.subarray(0, frame.clear.length >> 1) }
          : frame,
      ],
      /bytes and sha256 differ/,
    ],
    [
      'one more stream',
      (frame) =>
        frame.type === FrameType.close
          ? [
              {
                type: FrameType.begin,
                stream: 2,
                clear: Buffer.from(JSON.stringify(begin('more'))),
              },
              { type: FrameType.data, stream: 2, clear: Buffer.from('evil') },
              { type: FrameType.end, stream: 2, clear: Buffer.alloc(0) },
              frame,
            ]
          : [frame],
      /stream "more" is not what the golden sent: the golden sent no such stream/,
    ],
  ];

  test.each(cases)('%s', async (_name, change, message) => {
    const { verdicts } = await runForged(2, new Map([[1, change]]));
    expect(verdicts).toEqual([forged(message)]);
  });

  test('forges nothing for a chain without it', async () => {
    const { verdicts, vouched } = await runForged(3, new Map([[1, (frame) => [frame]]]));
    expect(verdicts).toEqual(['good', 'good']);
    expect(vouched).toHaveLength(1);
  });
});
