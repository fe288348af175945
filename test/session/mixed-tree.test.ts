import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readTree } from '../../demo/compare.ts';
import { Lab } from '../../demo/lab.ts';
import { differencesOf, exits, startAgent, startGolden } from '../support/cluster.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { writeMixedTree } from '../support/mixed-tree.ts';
import { MIB, makeSmallGolden } from '../support/small-golden.ts';

const SMALL_FILES = 100_000;

/** An inode for every 4 KiB: mkfs's own choice for this size has too few. */
const manyInodes = ['-i', '4096'];
const description = {
  name: 'description.json',
  text: JSON.stringify({
    disks: [
      {
        name: 'sda',
        table: 'msdos',
        partitions: [
          { size: 'fill', filesystem: { type: 'ext4', options: manyInodes }, mount: '/' },
        ],
      },
    ],
  }),
};

test('odd names, links, holes, attributes, special files and 100,000 small files come over without a difference', async () => {
  await using lab = await Lab.create({ nodes: 1, directory: labDirectory });
  const golden = await makeSmallGolden(lab, {
    bytes: 1024 * MIB,
    mkfs: manyInodes,
    description,
    fill: (root) => writeMixedTree(root, SMALL_FILES),
  });
  const disk = await lab.blankDisk(join(lab.directory, 'node1.img'), 1100 * MIB);
  const session = startGolden(lab, [
    '-n',
    '1',
    '-p',
    'sda',
    golden.description,
    '--root',
    golden.root,
  ]);
  const agent = startAgent(lab, 1, ['--disk', `sda=${disk}`]);
  expect(await exits(session, agent)).toEqual([0, 0]);
  const tree = await readTree(golden.root);
  expect(tree.size).toBeGreaterThan(SMALL_FILES);
  expect(tree.get('samples/socket')?.kind).toBe('s');
  expect(await differencesOf(lab, tree, disk, 'node1')).toEqual([]);
}, 240_000);
