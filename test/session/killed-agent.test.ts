import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readTree } from '../../demo/compare.ts';
import { Lab } from '../../demo/lab.ts';
import {
  differencesOf,
  readEvents,
  readReport,
  startAgent,
  startGolden,
} from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { MIB, makeSmallGolden } from '../support/small-golden.ts';

const DATA_MEBIBYTES = 200;

const writeRandom = async (root: string): Promise<void> => {
  const file = await open(join(root, 'data'), 'w');
  for (let index = 0; index < DATA_MEBIBYTES; index += 1) await file.write(randomBytes(MIB));
  await file.close();
};

test('when the middle agent is killed in mid-transfer the others finish with identical data', async () => {
  // 300 Mbit/s: the transfer takes some six seconds, long enough to kill in its middle.
  await using lab = await Lab.create({ nodes: 3, directory: labDirectory, megabitsPerSecond: 300 });
  const golden = await makeSmallGolden(lab, { bytes: 400 * MIB, fill: writeRandom });
  const disks = await Promise.all(
    lab.nodes.map(({ name }, index) =>
      lab.blankDisk(join(lab.directory, `${name}.img`), golden.bytes + index * 10 * MIB),
    ),
  );
  const flags = ['-n', '3', '-p', 'sda', golden.description, '--root', golden.root];
  const session = startGolden(lab, flags);
  const agents = disks.map((disk, index) => startAgent(lab, index + 1, ['--disk', `sda=${disk}`]));

  await eventually(
    'node2 has a third of the data',
    async () => {
      const events = await readEvents(session);
      const middle = events.find((event) => event.kind === 'node' && event.name === 'node2');
      return events.some(
        (event) =>
          event.kind === 'progress' &&
          event.nodes.some(
            ({ node, received }) =>
              middle?.kind === 'node' &&
              node === middle.node &&
              received > (DATA_MEBIBYTES / 3) * MIB,
          ),
      );
    },
    60_000,
  );
  agents[1]?.kill('SIGKILL');

  expect(await session.ended).toBe(2);
  expect(await Promise.all(agents.map(({ ended }) => ended))).toEqual([0, 137, 0]);
  const report = await readReport(lab);
  const results = Object.fromEntries(report.nodes.map((node) => [node.name, node]));
  expect(
    Object.values(results)
      .map(({ name, result }) => [name, result])
      .sort(),
  ).toEqual([
    ['node1', 'done'],
    ['node2', 'lost'],
    ['node3', 'done'],
  ]);
  expect(results.node2?.failure?.message).toContain('node2');
  const tree = await readTree(golden.root);
  expect(await differencesOf(lab, tree, disks[0] ?? '', 'node1')).toEqual([]);
  expect(await differencesOf(lab, tree, disks[2] ?? '', 'node3')).toEqual([]);
}, 180_000);
