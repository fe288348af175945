import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Lab } from '../../demo/lab.ts';
import { loopPartition } from '../../demo/loop-disk.ts';
import { readEvents, readReport, startAgent, startGolden, startOn } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { MIB, makeSmallGolden, type SmallGolden } from '../support/small-golden.ts';

/** With this much data on such lines the transfer takes some four seconds. */
const DATA_MEBIBYTES = 48;
const MEGABITS = 100;

let lab: Lab;
let golden: SmallGolden;

beforeAll(async () => {
  lab = await Lab.create({ nodes: 2, directory: labDirectory, megabitsPerSecond: MEGABITS });
  golden = await makeSmallGolden(lab, {
    bytes: 96 * MIB,
    fill: (root) => writeFile(join(root, 'data'), randomBytes(DATA_MEBIBYTES * MIB)),
  });
}, 60_000);

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

/** True when no file system holds the device, in whatever mount namespace. */
const isFree = async (device: string): Promise<boolean> => {
  try {
    const handle = await open(device, constants.O_RDONLY | constants.O_EXCL);
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
    throw error;
  }
};

/** A session of two nodes whose data is on its way. */
const startTransfer = async (name: string) => {
  const disks = [1, 2].map((node) => join(lab.directory, `${name}${node}.img`));
  const devices = await Promise.all(disks.map((file) => lab.blankDisk(file, golden.bytes)));
  const whatToClone = ['-p', 'sda', golden.description, '--root', golden.root];
  const session = startGolden(lab, ['-n', '2', '--compress', 'none', ...whatToClone]);
  const agents = devices.map((device, index) =>
    startAgent(lab, index + 1, ['--disk', `sda=${device}`]),
  );
  await eventually(
    'both nodes have some data',
    async () => {
      const progress = (await readEvents(session)).findLast(({ kind }) => kind === 'progress');
      if (progress?.kind !== 'progress') return false;
      return progress.nodes.length === 2 && progress.nodes.every(({ drained }) => drained > MIB);
    },
    30_000,
  );
  const partitions = devices.map((device) => loopPartition(device, 1));
  for (const partition of partitions) expect(await isFree(partition)).toBe(false);
  return { session, agents, partitions };
};

test('when the golden is killed the nodes stop, unmount, say so, and look for it again', async () => {
  const { session, agents, partitions } = await startTransfer('killed');
  const readers = lab.nodes.map(({ address }) =>
    startOn(lab.golden, lab, ['status', '--follow', address]),
  );
  session.kill('SIGKILL');
  await session.ended;
  for (const agent of agents) {
    await eventually(
      'the node looks for the golden again',
      async () => /the golden was lost: .*; looking for it again\n/.test(await agent.text()),
      15_000,
    );
  }
  // Now, while the agents live: with them their mounts would be gone in any case.
  for (const partition of partitions) expect(await isFree(partition)).toBe(true);
  expect(await Promise.all(agents.map(({ ended }) => ended))).toEqual([1, 1]);
  await Promise.all(readers.map(({ ended }) => ended));
  for (const [index, { name }] of lab.nodes.entries()) {
    const text = (await readers[index]?.text()) ?? '';
    expect(text).toMatch(new RegExp(`^${name} online\n`));
    expect(text).toMatch(/the golden was lost: .*; looking for it again/);
    expect(text).toContain('(Try 5/5)');
    expect(text).toMatch(/Can't reach a valid KA server: no golden answers at 10\.75\.0\.1:30765/);
  }
}, 120_000);

test('Ctrl-C on the golden ends the session: exit 1, nodes told, nothing mounted', async () => {
  const { session, agents, partitions } = await startTransfer('stopped');
  session.kill('SIGINT');
  expect(await session.ended).toBe(1);
  expect(await Promise.all(agents.map(({ ended }) => ended))).toEqual([1, 1]);
  for (const agent of agents) {
    expect(await agent.text()).toContain('let go: the session was stopped by SIGINT');
  }
  for (const partition of partitions) expect(await isFree(partition)).toBe(true);
  const report = await readReport(lab);
  expect(report.exitCode).toBe(1);
  expect(report.nodes.map(({ result }) => result)).toEqual(['failed', 'failed']);
}, 90_000);
