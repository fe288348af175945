import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { run } from '../../system/run.ts';
import { FaultLab, MIB } from './support/fault-lab.ts';
import type { FaultSession, SessionResult } from './support/fault-session.ts';
import { signal } from './support/slow-process.ts';

const NODES = [1, 2, 3, 4];
const FLAGS = ['--ring', '16'];
/** What the survivors may take longer. */
const EXTRA_MS = 5000;

let faults: FaultLab;
let undisturbedMs = 0;

beforeAll(async () => {
  faults = await FaultLab.create({ nodes: NODES.length, mebibytes: 72 });
  const session = await faults.start({ flags: FLAGS });
  const { exitCode, passMs } = await session.end();
  expect(exitCode).toBe(0);
  undisturbedMs = passMs[0] ?? 0;
  process.stdout.write(`undisturbed: ${undisturbedMs} ms\n`);
}, 120_000);

afterAll(() => faults[Symbol.asyncDispose]());

const expectSoon = (what: string, { passMs, decisions }: SessionResult): void => {
  const extraMs = (passMs[0] ?? 0) - undisturbedMs;
  process.stdout.write(`${what}: ${extraMs} ms extra; ${decisions.join('; ')}\n`);
  expect(extraMs).toBeLessThan(EXTRA_MS);
};

const expectRight = async (
  session: FaultSession,
  { report }: SessionResult,
  nodes: readonly number[],
): Promise<void> => {
  for (const node of nodes) expect(await session.faultsOf(node, report)).toEqual([]);
};

test.each([
  { when: 'in flight', at: (session: FaultSession) => session.untilSent(20 * MIB) },
  { when: 'in the tail', at: (session: FaultSession) => session.untilTail() },
])(
  'a middle node that hangs $when is given up; awake again while the session runs, it is told so and has the next pass',
  async ({ when, at }) => {
    const session = await faults.start({ flags: FLAGS });
    await at(session);
    session.agent(2).kill('SIGSTOP');
    // The last one is kept in the session, so that the session still runs.
    const tar = await session.tarOf(4).catch(() => undefined);
    if (tar !== undefined) process.kill(tar, 'SIGSTOP');
    await session.untilState(2, 'lost');
    session.agent(2).kill('SIGCONT');
    await session.untilState(2, 'waiting', 'preparing', 'ready', 'receiving');
    // Its disk stood still, so by now it may have been left to the next pass.
    if (tar !== undefined) signal(tar, 'SIGCONT');
    const result = await session.end();
    expect(result.results).toEqual({ node1: 'done', node2: 'done', node3: 'done', node4: 'done' });
    expect(result.exitCode).toBe(0);
    expect(result.passMs).toHaveLength(2);
    expect(await session.agent(2).text()).toMatch(
      /out of this pass: node2 was given up \(no heartbeat for 3 s\) and gets the next one/,
    );
    await expectRight(session, result, NODES);
    expectSoon(`hangs ${when}`, result);
  },
  120_000,
);

test('a cable that is cut costs only the node behind it', async () => {
  const session = await faults.start({ flags: FLAGS });
  await session.untilSent(20 * MIB);
  const { namespace, device } = faults.lab.switchPort(faults.host(2));
  await run('ip', ['-n', namespace, 'link', 'set', device, 'down']);
  try {
    const result = await session.end();
    expect(result.results).toEqual({ node1: 'done', node2: 'lost', node3: 'done', node4: 'done' });
    expect(result.exitCode).toBe(2);
    expect(result.report.nodes.find(({ name }) => name === 'node2')?.failure?.message).toContain(
      'no heartbeat',
    );
    await expectRight(session, result, [1, 3, 4]);
    expectSoon('cable cut', result);
    expect(await session.agentEnd(2)).toBe(1);
    expect(await session.agent(2).text()).toContain("Can't reach a valid KA server");
  } finally {
    await run('ip', ['-n', namespace, 'link', 'set', device, 'up']);
  }
}, 120_000);

test('a link that loses everything one way costs one node this pass; it has the next', async () => {
  const session = await faults.start({ flags: FLAGS });
  await session.untilSent(20 * MIB);
  // To node 3, and to it alone, node 2 sends into the void: nobody has that hardware address.
  const neighbour = ['neighbour', 'replace', faults.host(3).address, 'dev', 'eth0'];
  await faults.host(2).run(['ip', ...neighbour, 'lladdr', '02:00:00:00:00:01', 'nud', 'permanent']);
  try {
    const result = await session.end();
    expect(Object.values(result.results)).toEqual(['done', 'done', 'done', 'done']);
    expect(result.exitCode).toBe(0);
    expect(result.passMs).toHaveLength(2);
    await expectRight(session, result, NODES);
    expectSoon('half-open link', result);
  } finally {
    await faults.host(2).run(['ip', 'neighbour', 'flush', 'all', 'nud', 'permanent']);
  }
}, 120_000);
