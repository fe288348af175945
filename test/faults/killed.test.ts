import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FaultLab, MIB } from './support/fault-lab.ts';
import type { FaultSession } from './support/fault-session.ts';

const NODES = [1, 2, 3, 4, 5, 6];
/** A small ring: the source is read nearly to the end of the transfer, not far ahead of it. */
const FLAGS = ['--ring', '16'];
/** What the survivors may take longer. */
const EXTRA_MS = 500;

let faults: FaultLab;
let undisturbedMs = 0;

beforeAll(async () => {
  faults = await FaultLab.create({ nodes: NODES.length, mebibytes: 72 });
}, 60_000);

afterAll(() => faults[Symbol.asyncDispose]());

const inFlight = (session: FaultSession) => session.untilSent(20 * MIB);
const inTail = (session: FaultSession) => session.untilTail();

test('undisturbed, all six are cloned at the pace of the line', async () => {
  const session = await faults.start({ flags: FLAGS });
  const { exitCode, results, report, passMs } = await session.end();
  expect(report.nodes.flatMap(({ failure }) => failure ?? [])).toEqual([]);
  expect(results).toEqual(Object.fromEntries(NODES.map((node) => [`node${node}`, 'done'])));
  expect(exitCode).toBe(0);
  for (const node of NODES) expect(await session.faultsOf(node, report)).toEqual([]);
  undisturbedMs = passMs[0] ?? 0;
  process.stdout.write(`undisturbed: ${undisturbedMs} ms\n`);
}, 120_000);

const cases = [
  { who: 'the first', dead: [1], when: 'in flight', at: inFlight },
  { who: 'the middle', dead: [3], when: 'in flight', at: inFlight },
  { who: 'the last', dead: [6], when: 'in flight', at: inFlight },
  { who: 'two neighbours', dead: [3, 4], when: 'in flight', at: inFlight },
  { who: 'three scattered', dead: [1, 3, 5], when: 'in flight', at: inFlight },
  { who: 'the first', dead: [1], when: 'in the tail', at: inTail },
  { who: 'the middle', dead: [3], when: 'in the tail', at: inTail },
  { who: 'the last', dead: [6], when: 'in the tail', at: inTail },
  { who: 'two neighbours', dead: [4, 5], when: 'in the tail', at: inTail },
  { who: 'three scattered', dead: [2, 4, 6], when: 'in the tail', at: inTail },
];

describe.each(cases)('$who killed $when', ({ dead, when, who, at }) => {
  test('the others have identical data, soon, in one pass; the dead are named', async () => {
    const session = await faults.start({ flags: FLAGS });
    await at(session);
    session.kill(...dead);
    const { exitCode, results, report, passMs } = await session.end();
    const expected = NODES.map((node) => [`node${node}`, dead.includes(node) ? 'lost' : 'done']);
    expect(results).toEqual(Object.fromEntries(expected));
    expect(exitCode).toBe(2);
    for (const node of dead) {
      const failure = report.nodes.find(({ name }) => name === `node${node}`)?.failure;
      expect(failure?.message).toContain(`node${node}`);
      expect(await session.agentEnd(node)).toBe(137);
    }
    for (const node of NODES.filter((one) => !dead.includes(one))) {
      expect(await session.faultsOf(node, report)).toEqual([]);
      expect(await session.agentEnd(node)).toBe(0);
    }
    expect(passMs).toHaveLength(1);
    const extraMs = (passMs[0] ?? 0) - undisturbedMs;
    process.stdout.write(`${who} killed ${when}: ${extraMs} ms extra\n`);
    expect(extraMs).toBeLessThan(EXTRA_MS);
  }, 120_000);
});

test('a failure every half second until one is left: that one is right', async () => {
  const session = await faults.start({ flags: FLAGS });
  for (const [index, node] of [4, 1, 6, 3, 2].entries()) {
    await session.untilSent((index * 8 + 6) * MIB);
    session.kill(node);
  }
  const { exitCode, results, report } = await session.end();
  expect(results.node5).toBe('done');
  expect(Object.values(results).filter((result) => result === 'lost')).toHaveLength(5);
  expect(exitCode).toBe(2);
  expect(await session.faultsOf(5, report)).toEqual([]);
}, 120_000);

test('the node that took the place of a killed one is killed at once, too', async () => {
  const session = await faults.start({ flags: FLAGS });
  await inFlight(session);
  session.kill(3);
  // Node 4 has just been told to read from node 2.
  await session.until('the chain is joined', (events) =>
    events.some((event) => event.kind === 'chain' && event.why !== undefined),
  );
  session.kill(4);
  const { exitCode, results, report, passMs } = await session.end();
  expect(results).toMatchObject({ node3: 'lost', node4: 'lost' });
  expect(exitCode).toBe(2);
  for (const node of [1, 2, 5, 6]) expect(await session.faultsOf(node, report)).toEqual([]);
  expect((passMs[0] ?? 0) - undisturbedMs).toBeLessThan(EXTRA_MS);
}, 120_000);

test('more neighbours killed at once than are kept for: whoever lost its position has the next pass', async () => {
  const session = await faults.start({ flags: FLAGS });
  await inFlight(session);
  session.kill(2, 3, 4, 5);
  const { exitCode, results, report } = await session.end();
  expect([results.node1, results.node6]).toEqual(['done', 'done']);
  expect(exitCode).toBe(2);
  for (const node of [1, 6]) expect(await session.faultsOf(node, report)).toEqual([]);
}, 120_000);
