import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Lab } from '../../demo/lab.ts';
import { PROTOCOL_VERSION } from '../../protocol/constants.ts';
import type { NodeState } from '../../protocol/events.ts';
import { run } from '../../system/run.ts';
import {
  exits,
  joinFile,
  readEvents,
  readReport,
  type Started,
  startAgent,
  startGolden,
  startOn,
} from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { MIB } from '../support/small-golden.ts';

const DATA_MEBIBYTES = 24;
const MEGABITS = 100;
/** So slow that the data takes some twenty seconds: long enough to come late. */
const SLOW_MEGABITS = 10;

let lab: Lab;
let whatToClone: string[];
let data: Buffer;
let targets = 0;

beforeAll(async () => {
  lab = await Lab.create({ nodes: 4, directory: labDirectory, megabitsPerSecond: MEGABITS });
  const root = join(lab.directory, 'golden');
  await mkdir(root);
  data = randomBytes(DATA_MEBIBYTES * MIB);
  await writeFile(join(root, 'data'), data);
  const description = join(lab.directory, 'description.json');
  const partition = { size: 'fill', filesystem: 'ext4', mount: '/' };
  const disks = [{ name: 'sda', table: 'msdos', partitions: [partition] }];
  await writeFile(description, JSON.stringify({ disks }));
  whatToClone = ['-p', 'sda', description, '--root', root, '--compress', 'none'];
}, 60_000);

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

interface Node extends Started {
  into: string;
}

const makeTarget = async (): Promise<string> => {
  targets += 1;
  const into = join(lab.directory, `into${targets}`);
  await mkdir(into);
  return into;
};

/** An agent that clones into a directory, of its own unless told. */
const startNode = async (
  node: number,
  flags: readonly string[] = [],
  target?: string,
): Promise<Node> => {
  const into = target ?? (await makeTarget());
  return { ...startAgent(lab, node, ['--into', into, ...flags]), into };
};

const strangeNode = fileURLToPath(new URL('../support/strange-node.ts', import.meta.url));

/** See `strange-node.ts` for the manners. */
const startStrange = (node: number, manner: string) =>
  lab.nodes[node - 1]?.start([process.execPath, strangeNode, manner, joinFile(lab)], {
    reject: false,
    all: true,
  });

const ka = (...args: string[]) => startOn(lab.golden, lab, args);

const reached = (session: Started, name: string, state: NodeState) =>
  eventually(
    `${name} is ${state}`,
    async () =>
      (await readEvents(session)).some(
        (event) => event.kind === 'node' && event.name === name && event.state === state,
      ),
    30_000,
  );

const receives = (session: Started) =>
  eventually(
    'the first stream is on its way',
    async () =>
      (await readEvents(session)).some(
        ({ kind, ...event }) => kind === 'step' && 'step' in event && event.step === 'receive /',
      ),
    30_000,
  );

/** Holds a pass up for as long as `work` takes. */
const whileSlow = async <T>(work: () => Promise<T>): Promise<T> => {
  await lab.golden.limitRate(SLOW_MEGABITS);
  try {
    return await work();
  } finally {
    await lab.golden.limitRate(MEGABITS);
  }
};

const isOpen = (session: Started) =>
  eventually('the session is open', async () => (await session.text()).includes('"open"'), 30_000);

const expectCloned = async (node: Node): Promise<void> => {
  expect(await exits(node)).toEqual([0]);
  expect((await readFile(join(node.into, 'data'))).equals(data)).toBe(true);
};

const resultsOf = async () =>
  Object.fromEntries((await readReport(lab)).nodes.map(({ name, result }) => [name, result]));

describe('ka start', () => {
  test('without a session says so', async () => {
    const start = ka('start');
    expect(await start.ended).toBe(1);
    expect(await start.text()).toBe(
      'ka: no session runs on this machine; start one with ka golden\n',
    );
  });

  test('starts with the nodes that are here; a late one gets the next pass', async () => {
    const session = startGolden(lab, ['-n', '2', ...whatToClone]);
    const first = await startNode(1);
    await reached(session, 'node1', 'waiting');
    const late = await whileSlow(async () => {
      const start = ka('start');
      expect(await exits(start)).toEqual([0]);
      expect(await start.text()).toBe('session "test" starts with the nodes that are here\n');
      await receives(session);
      const node = await startNode(2);
      const status = ka('status', lab.nodes[0]?.address ?? '');
      expect(await exits(status)).toEqual([0]);
      expect(await status.text()).toMatch(/^node1 online\n(.*\n)*stream \/: begin\n/);
      await reached(session, 'node2', 'waiting');
      return node;
    });
    expect(await exits(session)).toEqual([0]);
    await expectCloned(first);
    await expectCloned(late);
    expect(await readReport(lab)).toMatchObject({ exitCode: 0, wanted: 2 });
    const passes = (await readReport(lab)).nodes.map(({ name, pass }) => [name, pass]);
    expect(passes).toEqual([
      ['node1', 1],
      ['node2', 2],
    ]);
  }, 60_000);
});

test('a session started without a node that never comes ends with 2', async () => {
  const session = startGolden(lab, ['-n', '2', ...whatToClone]);
  const node = await startNode(1);
  await reached(session, 'node1', 'waiting');
  expect(await exits(ka('start'))).toEqual([0]);
  expect(await session.ended).toBe(2);
  await expectCloned(node);
  expect(await readReport(lab)).toMatchObject({ exitCode: 2, wanted: 2, nodes: [{}] });
}, 60_000);

test('the noise that measures the line counts in no total', async () => {
  const session = startGolden(lab, ['-n', '2', ...whatToClone, '--compress', 'auto']);
  const nodes = [await startNode(1), await startNode(2)];
  expect(await exits(session)).toEqual([0]);
  for (const node of nodes) await expectCloned(node);
  const events = await readEvents(session);
  expect(events.some((event) => event.kind === 'log' && /^measured: /.test(event.message))).toBe(
    true,
  );
  // tar and frames add little, noise is 4 MiB at the least, and random data is not compressed.
  const most = data.length + 2 * MIB;
  const { totals } = await readReport(lab);
  expect(totals.sentBytes).toBeGreaterThan(data.length);
  expect(totals.sentBytes).toBeLessThan(most);
  expect(totals.bytesPerSecond).toBe(Math.round((totals.sentBytes * 1000) / totals.transferMs));
  const progress = events.filter((event) => event.kind === 'progress');
  expect(progress.at(-1)?.sentBytes).toBe(totals.sentBytes);
  // The first one is told after half a second of sending.
  const [first] = progress;
  expect((first?.lineRate ?? 0) / 2).toBeLessThanOrEqual(1.02 * (first?.sentBytes ?? 0));
  for (const { sentBytes, nodes: seen } of progress) {
    for (const { received, drained } of seen) {
      expect([received <= sentBytes, drained <= received]).toEqual([true, true]);
    }
  }
}, 60_000);

describe('when the wait is over', () => {
  test('with too few nodes the session ends and says how many came', async () => {
    const session = startGolden(lab, ['-n', '2', '--wait-timeout', '3s', ...whatToClone]);
    const node = await startNode(1);
    expect([await session.ended, await node.ended]).toEqual([1, 1]);
    const line = 'only 1 of 2 nodes came within 3 s; boot the missing ones or use --min-nodes';
    expect((await readReport(lab)).failure?.message).toBe(line);
    expect(await node.text()).toContain(line);
  }, 60_000);

  test('it starts with --min-nodes, and those that never came are missing in the end', async () => {
    const flags = ['-n', '3', '--wait-timeout', '3s', '--min-nodes', '1'];
    const session = startGolden(lab, [...flags, ...whatToClone, '--ui', 'plain']);
    const node = await startNode(1);
    expect(await session.ended).toBe(2);
    await expectCloned(node);
    expect(await readReport(lab)).toMatchObject({ exitCode: 2, wanted: 3 });
    const said = await session.text();
    expect(said).toMatch(/^Session test: 1 of 3 nodes cloned in /m);
    expect(said).toMatch(/^ ✗ 2 nodes never came$/m);
  }, 60_000);
});

test('strange, extra and doubled nodes do not disturb a session', async () => {
  const session = startGolden(lab, ['-n', '2', ...whatToClone]);
  await isOpen(session);
  const silent = startStrange(4, 'silent');
  const hung = startStrange(4, 'hung');
  const old = await startStrange(3, 'old');
  expect(old?.all).toContain(
    `it speaks protocol 99, this golden ${PROTOCOL_VERSION}; boot it with`,
  );
  const foreign = await startStrange(3, 'foreign');
  expect(foreign?.all).toContain(
    'it booted from boot image f0f0f0f0f0f0f0f0, which this golden does not have; boot it from',
  );
  await reached(session, 'hung', 'lost');
  expect(await readEvents(session)).toContainEqual(
    expect.objectContaining({ kind: 'log', level: 'warning', message: 'hung: something to know' }),
  );
  hung?.kill('SIGKILL');

  const first = await startNode(1);
  await reached(session, 'node1', 'waiting');
  const ports = ['--data-port', '4001', '--status-port', '4002'];
  const again = await startNode(1, ports);
  expect(await again.ended).toBe(1);
  expect(await again.text()).toContain(
    'a machine with its MAC address is in this session already: node1 (10.75.0.11); end one of them',
  );

  const second = await whileSlow(async () => {
    const node = await startNode(2);
    await reached(session, 'node2', 'receiving');
    const extra = await startNode(3);
    expect(await extra.ended).toBe(1);
    expect(await extra.text()).toContain('session "test" has all its 2 nodes; start another');
    return node;
  });
  expect(await session.text()).toContain('session \\"test\\" has all its 2 nodes');

  expect(await exits(session)).toEqual([0]);
  await expectCloned(first);
  await expectCloned(second);
  expect(await resultsOf()).toEqual({ hung: 'lost', node1: 'done', node2: 'done' });
  await silent;
}, 90_000);

test('a node that dies while preparing and one that fails do not disturb the others', async () => {
  const session = startGolden(lab, ['-n', '3', ...whatToClone]);
  const good = await startNode(1);
  const small = await makeTarget();
  await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'ka-small', small]);
  const full = await startNode(2, [], small);
  await reached(session, 'node2', 'waiting');
  // The failed node is still there to be asked, as long as the session runs.
  await whileSlow(async () => {
    await startStrange(3, 'dying');
    await reached(session, 'node2', 'failed');
    const status = ka('status', lab.nodes[1]?.address ?? '');
    expect(await exits(status)).toEqual([0]);
    expect(await status.text()).toMatch(/^node2 online\n(.*\n)*FAILED: .* is full/);
  });
  expect(await session.ended).toBe(2);
  expect(await full.ended).toBe(1);
  await expectCloned(good);
  expect(await resultsOf()).toEqual({ node1: 'done', node2: 'failed', dying: 'lost' });
  await lab.unmount(small);
}, 90_000);
