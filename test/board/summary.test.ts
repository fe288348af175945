import { describe, expect, test } from '@jest/globals';
import { startPlain } from '../../board/plain.ts';
import { emptyView, reduceView } from '../../board/session-view.ts';
import { nodeResultLines, totalsLines } from '../../board/summary.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import { address, at, MIB, name, node, open, progress, T0, upToPass } from './session-events.ts';
import { source } from './source.ts';

const adviceAfter = (step: string, failure: { code: string; message: string }): string => {
  const node = { kind: 'node' as const, node: 1, name: name(1), address: address(1), macs: [] };
  const events: SessionEvent[] = [
    open(0, 1),
    at(1, { ...node, state: 'waiting' }),
    at(2, { kind: 'step', node: 1, step, state: 'start' }),
    at(3, { kind: 'step', node: 1, step, state: 'fail', failure }),
    at(4, { ...node, state: 'failed', failure }),
  ];
  const lines = nodeResultLines(events.reduce(reduceView, emptyView));
  return lines.find((line) => line.startsWith('To do')) ?? '';
};

test.each([
  ['make room for stage2', 'NotEnoughMemory', 'nothing was written to it; put right the cause'],
  ['check disk', 'DiskTooSmall', 'nothing was written to it; put right the cause'],
  ['partition', 'CommandFailed', 'its disk may be half written; put right the cause'],
  ['check file systems', 'NotBooted', 'it is cloned; see on its console what it starts'],
])('what to do about a node that failed at "%s" (%s): %s', (step, code, words) => {
  expect(adviceAfter(step, { code, message: 'why' })).toContain(words);
});

test('a step that starts again in another pass is told with the time of that pass', () => {
  const step = { kind: 'step' as const, node: 1, step: 'receive /' };
  const view = [
    open(0, 1),
    at(1, { ...step, state: 'start' }),
    at(100, { ...step, state: 'start' }),
    at(110, { ...step, state: 'finish' }),
  ].reduce(reduceView, emptyView);
  expect(view.nodes.get(1)?.steps).toMatchObject([
    { name: 'receive /', started: T0 + 100_000, finished: T0 + 110_000 },
  ]);
});

const resultsOf = (...events: SessionEvent[]): string[] =>
  nodeResultLines(events.reduce(reduceView, emptyView));

test('nodes that never came are counted among the wanted ones', () => {
  const lines = resultsOf(open(0, 3), node(1, 1, 'waiting'), node(2, 1, 'done'));
  expect(lines[0]).toMatch(/: 1 of 3 nodes cloned in /);
  expect(lines.at(-1)).toBe(' ✗ 2 nodes never came');
});

test('a node that took the place of a lost one makes the wanted number full', () => {
  const lines = resultsOf(
    open(0, 1),
    node(1, 1, 'waiting'),
    node(2, 1, 'lost', 'no heartbeat for 3 s'),
    node(3, 2, 'waiting'),
    node(4, 2, 'done'),
  );
  expect(lines[0]).toMatch(/: 1 of 1 node cloned in /);
});

describe('the totals of a pass that all nodes left', () => {
  const totalsOf = (sentBytes: number, transferMs: number): string[] => {
    const empty = at(27, { kind: 'chain', pass: 1, epoch: 2, order: [], why: 'all are out' });
    const pass = { kind: 'pass' as const, pass: 1, of: 1, nodes: [1, 2, 3, 4], expectedBytes: 0 };
    const finish = at(28, { ...pass, state: 'finish', sentBytes, transferMs, emptiedMs: 0 });
    const view = [...upToPass(), empty, finish].reduce(reduceView, emptyView);
    return view.totals.flatMap(totalsLines);
  };

  test('say that nothing was sent when they left before the first stream', () => {
    expect(totalsOf(0, 0)).toEqual(['No data was sent: no node was left in the chain']);
  });

  test('say when the last one left, and neither a rate nor an emptied pipeline', () => {
    expect(totalsOf(12 * MIB, 3210)).toEqual([
      'Total data sent = 12 Megs',
      'No node was left in the chain after 3.210 seconds',
    ]);
  });

  test('are no progress lines either', () => {
    const { emit, subscribe } = source();
    const lines: string[] = [];
    startPlain(subscribe, (line) => lines.push(line));
    const empty = at(27, { kind: 'chain', pass: 1, epoch: 2, order: [], why: 'all are out' });
    for (const event of [...upToPass(), empty, progress(40, 0, {}, null)]) emit(event);
    expect(lines.filter((line) => line.startsWith('Total'))).toEqual([]);
  });
});

test('a pass too short to be measured has no rate', () => {
  const totals = { pass: 1, sentBytes: 0, sourceBytes: 0, emptiedMs: 1, isAbandoned: false };
  expect(totalsLines({ ...totals, transferMs: 0 })[1]).toBe('Transfer time = 0.000 seconds');
});
