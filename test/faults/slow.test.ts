import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Cleanup } from '../../demo/cleanup.ts';
import { run } from '../../system/run.ts';
import { FaultLab, LINK_MBIT, MIB } from './support/fault-lab.ts';
import type { FaultSession, SessionResult } from './support/fault-session.ts';
import { slowDown } from './support/slow-process.ts';

const NODES = [1, 2, 3, 4];
const ALL_DONE = { node1: 'done', node2: 'done', node3: 'done', node4: 'done' };
const MEBIBYTES = 240;
const SLOW_BYTES = 5 * MIB;
/** The others may take so much longer. */
const LONGER = 1.2;

let faults: FaultLab;
let undisturbedMs = 0;

beforeAll(async () => {
  faults = await FaultLab.create({ nodes: NODES.length, mebibytes: MEBIBYTES });
  const session = await faults.start();
  const { exitCode, passMs } = await session.end();
  expect(exitCode).toBe(0);
  undisturbedMs = passMs[0] ?? 0;
  process.stdout.write(`undisturbed: ${undisturbedMs} ms\n`);
}, 120_000);

afterAll(() => faults[Symbol.asyncDispose]());

const expectRight = async (session: FaultSession, { report }: SessionResult): Promise<void> => {
  for (const node of NODES) expect(await session.faultsOf(node, report)).toEqual([]);
};

const expectOthersInTime = (what: string, { passMs, decisions }: SessionResult): void => {
  const first = passMs[0] ?? 0;
  const times = (first / undisturbedMs).toFixed(2);
  process.stdout.write(`${what}: ${first} ms, ${times} x undisturbed; ${decisions.join('; ')}\n`);
  expect(first).toBeLessThan(undisturbedMs * LONGER);
};

/** Why node 2 was taken out of a pass. */
const whyOf = ({ events }: SessionResult): string | undefined => {
  const event = events.find(
    (one) => one.kind === 'node' && one.name === 'node2' && one.state === 'bypassed',
  );
  return event?.kind === 'node' ? event.why : undefined;
};

test('a disk at 5 MiB/s: the others do not wait, it has the next pass, and the reason is told', async () => {
  const session = await faults.start();
  const over = new AbortController();
  const first = await session.tarOf(2);
  const slowed = slowDown(first, SLOW_BYTES, over.signal).then(async () => {
    // Slow in its next pass, too.
    await slowDown(await session.tarOf(2), SLOW_BYTES, over.signal);
  });
  const result = await session.end();
  over.abort();
  await slowed;
  expect(result.results).toEqual(ALL_DONE);
  expect(result.exitCode).toBe(0);
  expect(result.passMs).toHaveLength(2);
  expect(whyOf(result)).toMatch(/^disk at [3-7] MiB\/s, the others could do \d+ MiB\/s$/);
  await expectRight(session, result);
  expectOthersInTime('disk at 5 MiB/s', result);
}, 120_000);

test('a disk that stalls for 20 s: the others do not wait, it has the next pass', async () => {
  await using cleanup = new Cleanup();
  const { lab } = faults;
  const disk = await lab.blankDisk(join(lab.directory, 'stalling.img'), 320 * MIB);
  await run('mkfs.ext4', ['-q', disk]);
  const place = await lab.mount(disk, 'stalling', 'rw');
  cleanup.add(() => lab.unmount(place));
  const into = join(place, 'clone');
  await mkdir(into);
  const session = await faults.start({
    agentFlags: (node) => (node === 2 ? ['--into', into] : []),
  });
  cleanup.add(() => session.stop());
  await session.untilState(2, 'receiving');
  await session.tarOf(2);
  // Every write to it blocks, and nothing can interrupt that: as with a dead disk.
  await run('fsfreeze', ['--freeze', place]);
  try {
    await sleep(20_000);
  } finally {
    await run('fsfreeze', ['--unfreeze', place]);
  }
  const result = await session.end();
  expect(result.results).toEqual(ALL_DONE);
  expect(result.exitCode).toBe(0);
  expect(result.passMs).toHaveLength(2);
  expect(whyOf(result)).toMatch(/^disk at 0 MiB\/s/);
  await expectRight(session, result);
  expectOthersInTime('disk stalls for 20 s', result);
}, 120_000);

test('a disk that stalls when all has been sent: the others are let go, it goes on where it was', async () => {
  const session = await faults.start();
  const tar = await session.tarOf(2);
  // The source has ended, the golden's ring holds the rest; what is left fits into half the node's.
  await session.untilReceived(2, (MEBIBYTES - 20) * MIB);
  process.kill(tar, 'SIGSTOP');
  for (const node of [1, 3, 4]) await session.untilState(node, 'done');
  process.kill(tar, 'SIGCONT');
  const result = await session.end();
  expect(result.results).toEqual(ALL_DONE);
  expect(result.exitCode).toBe(0);
  expect(result.passMs).toHaveLength(1);
  await expectRight(session, result);
  expectOthersInTime('disk stalls in the tail', result);
}, 120_000);

test('with --slow wait all wait for a stalled disk, and nobody needs another pass', async () => {
  const session = await faults.start({ flags: ['--slow', 'wait', '--ring', '16'] });
  const tar = await session.tarOf(2);
  process.kill(tar, 'SIGSTOP');
  await sleep(8000);
  process.kill(tar, 'SIGCONT');
  const result = await session.end();
  expect(result.results).toEqual(ALL_DONE);
  expect(result.exitCode).toBe(0);
  expect(result.decisions).toEqual([]);
  expect(result.passMs).toHaveLength(1);
  expect(result.passMs[0]).toBeGreaterThan(8000);
  await expectRight(session, result);
}, 120_000);

test('a node on a slow link: the others do not wait, it has the next pass, and the reason is told', async () => {
  const { namespace, device } = faults.lab.switchPort(faults.host(2));
  const limitTo = async (megabits: number) => {
    await faults.host(2).limitRate(megabits);
    const rate = ['rate', `${megabits}mbit`, 'burst', '256kb', 'latency', '50ms'];
    const inSwitch = ['netns', 'exec', namespace, 'tc'];
    await run('ip', [...inSwitch, 'qdisc', 'replace', 'dev', device, 'root', 'tbf', ...rate]);
  };
  await limitTo(60);
  try {
    const session = await faults.start();
    const result = await session.end();
    expect(result.results).toEqual(ALL_DONE);
    expect(result.exitCode).toBe(0);
    expect(result.passMs).toHaveLength(2);
    expect(whyOf(result)).toMatch(/^link at \d MiB\/s/);
    await expectRight(session, result);
    expectOthersInTime('slow link', result);
  } finally {
    await limitTo(LINK_MBIT);
  }
}, 120_000);
