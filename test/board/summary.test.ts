import { expect, test } from '@jest/globals';
import { emptyView, reduceView } from '../../board/session-view.ts';
import { nodeResultLines } from '../../board/summary.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import { address, at, name, node, open, T0 } from './session-events.ts';

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
