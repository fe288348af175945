import { describe, expect, test } from '@jest/globals';
import { currentStep } from '../../board/node-view.ts';
import {
  emptyView,
  nodeShare,
  nodesInOrder,
  reduceView,
  type SessionView,
} from '../../board/session-view.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import {
  at,
  GIB,
  inTransfer,
  MIB,
  node,
  open,
  progress,
  SOURCE_BYTES,
  step,
  T0,
  upToPass,
  wholeSession,
} from './session-events.ts';

const viewOf = (events: readonly SessionEvent[]): SessionView =>
  events.reduce(reduceView, emptyView);

const nodeOf = (view: SessionView, number: number) => {
  const found = view.nodes.get(number);
  if (!found) throw new Error(`no node ${number} in the view`);
  return found;
};

describe('the view of a session', () => {
  test('says while waiting who is here, how many are wanted and since when', () => {
    const view = viewOf([open(0, 4), node(3, 1, 'waiting'), node(6, 2, 'waiting')]);
    expect(view).toMatchObject({ phase: 'waiting', name: 'lab-24', wanted: 4, opened: T0 });
    expect(nodesInOrder(view).map(({ name, joined }) => [name, joined - T0])).toEqual([
      ['node01', 3000],
      ['node02', 6000],
    ]);
    expect(view.log.map(({ text }) => text)).toEqual([
      'session lab-24 is open on 10.0.1.42, I want 4 nodes',
      'got node node01 (10.0.1.101), 1 of 4 here',
      'got node node02 (10.0.1.102), 2 of 4 here',
    ]);
  });

  test('follows the pass, its rates, its limit and what each node has', () => {
    const view = viewOf(inTransfer());
    expect(view.pass).toMatchObject({
      number: 1,
      of: 1,
      running: true,
      stream: 'files /',
      encoding: 'zstd',
      sentBytes: 616 * MIB,
      etaMs: 100_000,
      limit: 'node02: disk 109 MiB/s',
    });
    const two = nodeOf(view, 2);
    expect(two).toMatchObject({ state: 'receiving', limit: 'disk', behind: Math.round(4.1 * MIB) });
    expect(currentStep(two)?.name).toBe('receive /');
    // 611.9 MiB of the line stand for 2.0625 times as much source.
    expect(two.sourceBytes / GIB).toBeCloseTo(1.2324, 3);
    expect(nodeShare(view, two)).toBeCloseTo(0.6453, 3);
  });

  test('keeps rows in place when a node is taken out of the chain', () => {
    const before = viewOf(upToPass());
    const after = viewOf([
      ...upToPass(),
      node(30, 2, 'bypassed', 'no heartbeat for 3 s'),
      at(31, { kind: 'chain', pass: 1, epoch: 2, order: [1, 3, 4] }),
    ]);
    expect(after.rows).toEqual(before.rows);
    expect(after.chain).toEqual([1, 3, 4]);
    expect(nodeOf(after, 2)).toMatchObject({
      state: 'bypassed',
      why: 'no heartbeat for 3 s',
      rate: 0,
    });
  });

  test('puts rows into the order of the first chain, not of joining', () => {
    const view = viewOf([
      open(0, 3),
      ...[3, 1, 2].map((number) => node(1, number, 'waiting')),
      at(2, { kind: 'chain', pass: 1, epoch: 1, order: [1, 2] }),
    ]);
    expect(view.rows).toEqual([1, 2, 3]);
  });

  test('forgets the reason of a state when the state is left', () => {
    const view = viewOf([
      ...upToPass(),
      node(30, 2, 'bypassed', 'no heartbeat for 3 s'),
      node(40, 2, 'receiving'),
    ]);
    expect(nodeOf(view, 2)).toMatchObject({ state: 'receiving', why: null });
  });

  test('starts the figures of a node anew in its next pass', () => {
    const view = viewOf([
      ...inTransfer(),
      at(300, { kind: 'pass', pass: 2, of: 2, state: 'start', nodes: [4], expectedBytes: GIB }),
    ]);
    expect(nodeOf(view, 4)).toMatchObject({ received: 0, sourceBytes: 0 });
    expect(nodeOf(view, 1).received).toBeGreaterThan(0);
    expect(view.pass).toMatchObject({ number: 2, sentBytes: 0, limit: null });
  });

  test('keeps each step with its times, its detail and how it ended', () => {
    const { steps } = nodeOf(
      viewOf([
        ...upToPass(),
        step(40, 1, 'settle', 'skip', 'nothing changed'),
        step(41, 1, 'verify', 'start'),
      ]),
      1,
    );
    expect(steps.map(({ name, state, detail }) => [name, state, detail])).toEqual([
      ['partition sda', 'finish', null],
      ['format sda1', 'finish', 'ext4'],
      ['receive /', 'running', null],
      ['settle', 'skip', 'nothing changed'],
      ['verify', 'running', null],
    ]);
    expect(steps[1]).toMatchObject({ started: T0 + 22_000, finished: T0 + 24_000 });
  });

  test('ends with totals, exit code, failures with their output, and full sizes', () => {
    const view = viewOf(wholeSession());
    expect(view).toMatchObject({ phase: 'finished', exitCode: 2 });
    expect(view.totals).toEqual([
      {
        pass: 1,
        sentBytes: 792 * MIB,
        sourceBytes: SOURCE_BYTES,
        transferMs: 69_904,
        emptiedMs: 4002,
        isAbandoned: false,
      },
    ]);
    expect(nodeOf(view, 1)).toMatchObject({ state: 'done', sourceBytes: SOURCE_BYTES });
    expect(nodeOf(view, 3).failure?.output).toContain('no space left on device');
    expect(nodeOf(view, 4)).toMatchObject({ state: 'lost', why: 'did not come back within 30 s' });
  });

  test('holds back nothing a terminal would obey', () => {
    const view = viewOf([
      open(0, 1),
      node(1, 1, 'failed', '\u001b]0;owned\u0007mkfs\nsaid \u009bno'),
      at(2, { kind: 'log', node: 1, level: 'info', message: '\u001b[31mred\u001b[0m\r' }),
    ]);
    expect(JSON.stringify([...view.nodes.values(), view.log])).not.toMatch(/\\u00|[\u0080-\u009f]/);
    expect(view.log.at(-1)?.text).toBe('node01: red');
  });

  test('remembers a bounded number of happenings, the newest', () => {
    let view = viewOf([open(0, 1)]);
    for (let line = 0; line < 1500; line += 1) {
      const message = `line ${line}`;
      view = reduceView(view, at(1, { kind: 'log', node: null, level: 'info', message }));
    }
    expect(view.log).toHaveLength(1000);
    expect(view.log.at(-1)?.text).toBe('line 1499');
  });

  test('is not disturbed by progress of a node it has never heard of', () => {
    const view = viewOf([...upToPass(), progress(30, 10, { 99: 1 }, null)]);
    expect(view.nodes.has(99)).toBe(false);
  });
});
