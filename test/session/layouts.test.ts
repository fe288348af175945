import { randomBytes } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { compareTrees, readTree } from '../../demo/compare.ts';
import { Lab } from '../../demo/lab.ts';
import { loopPartition } from '../../demo/loop-disk.ts';
import { isOwnPath } from '../../demo/own-paths.ts';
import { run } from '../../system/run.ts';
import { differencesOf, exits, readReport, startAgent, startGolden } from '../support/cluster.ts';
import { makeGoldenLayout } from '../support/golden-layout.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { MIB } from '../support/small-golden.ts';

const blkid = async (device: string, tag: string): Promise<string> => {
  const { stdout } = await run('blkid', ['-p', '-s', tag, '-o', 'value', device]);
  return stdout.trim();
};

test('a gpt disk with ext4, xfs, btrfs and swap goes to disks of other sizes', async () => {
  await using lab = await Lab.create({ nodes: 2, directory: labDirectory });
  const golden = await makeGoldenLayout(lab, {
    bytes: 1024 * MIB,
    table: 'label: gpt\nsize=100M\nsize=32M, type=swap\nsize=320M\nsize=200M\n',
    partitions: [
      { number: 1, mkfs: ['mkfs.ext4', '-q', '-L', 'system'], mount: '/' },
      { number: 2, mkfs: ['mkswap', '-q', '-L', 'paging'], type: 'swap' },
      { number: 3, mkfs: ['mkfs.xfs', '-q', '-L', 'scratch'], type: 'xfs', mount: '/data' },
      { number: 4, mkfs: ['mkfs.btrfs', '-q', '-L', 'pool'], type: 'btrfs', mount: '/pool' },
    ],
    fill: async (root) => {
      for (const place of ['', 'data', 'pool']) {
        await writeFile(join(root, place, 'file'), randomBytes(2 * MIB));
      }
    },
  });
  const description = join(lab.directory, 'disk.yaml');
  await writeFile(
    description,
    [
      'disks:',
      '  - name: sda',
      '    table: gpt',
      '    partitions:',
      '      - { size: 10%, filesystem: ext4, mount: /, name: the system }',
      '      - { size: 32MiB, type: swap, filesystem: { type: swap, label: node swap } }',
      '      - { size: 400MiB, filesystem: { type: xfs, label: fast }, mount: /data }',
      '      - { size: fill, filesystem: btrfs, mount: /pool }',
      '',
    ].join('\n'),
  );
  const sizes = [900 * MIB, 1500 * MIB];
  const disks = await Promise.all(
    sizes.map((bytes, index) => lab.blankDisk(join(lab.directory, `node${index}.img`), bytes)),
  );
  const whatToClone = ['-p', 'sda', description, '--root', golden.root];
  const session = startGolden(lab, ['-n', '2', ...whatToClone]);
  const agents = disks.map((disk, index) => startAgent(lab, index + 1, ['--disk', `sda=${disk}`]));
  expect(await exits(session)).toEqual([0]);
  expect(await Promise.all(agents.map(({ ended }) => ended))).toEqual([0, 0]);
  const tree = await readTree(golden.root);
  const uuids = new Set<string>();
  for (const [index, disk] of disks.entries()) {
    const partition = (number: number) => loopPartition(disk, number);
    expect(await differencesOf(lab, tree, disk, `node${index}`)).toEqual([]);
    expect(await blkid(disk, 'PTTYPE')).toBe('gpt');
    expect(await blkid(partition(1), 'PART_ENTRY_NAME')).toBe('the system');
    const labels = await Promise.all([1, 2, 3, 4].map((each) => blkid(partition(each), 'LABEL')));
    expect(labels).toEqual(['system', 'node swap', 'fast', 'pool']);
    const types = await Promise.all([1, 2, 3, 4].map((each) => blkid(partition(each), 'TYPE')));
    expect(types).toEqual(['ext4', 'swap', 'xfs', 'btrfs']);
    for (const number of [1, 2, 3, 4]) uuids.add(await blkid(partition(number), 'UUID'));
    // The last partition reaches to the end: less than 2 MiB are left for the spare table.
    const { stdout } = await run('partx', ['-rgbo', 'END', '--nr', '4', disk]);
    const bytes = sizes[index] ?? 0;
    expect(bytes - (Number(stdout) + 1) * 512).toBeLessThan(2 * MIB);
  }
  expect(uuids.size).toBe(8);
}, 120_000);

test('several disks are filled, and a kept partition keeps every byte', async () => {
  await using lab = await Lab.create({ nodes: 1, directory: labDirectory });
  const golden = await makeGoldenLayout(lab, {
    bytes: 128 * MIB,
    table: 'label: dos\nsize=60M\n',
    partitions: [{ number: 1, mkfs: ['mkfs.ext4', '-q'], mount: '/' }],
    fill: async (root) => {
      await mkdir(join(root, 'srv'));
      await writeFile(join(root, 'file'), randomBytes(MIB));
      await writeFile(join(root, 'srv/file'), randomBytes(MIB));
    },
  });
  const description = join(lab.directory, 'disks.yaml');
  await writeFile(
    description,
    [
      'disks:',
      '  - name: sda',
      '    table: msdos',
      '    partitions:',
      '      - { size: 64MiB, filesystem: ext4, mount: /, flags: [boot] }',
      '      - { size: 16MiB, content: keep }',
      '      - { size: fill, filesystem: ext4, mount: /empty, content: empty }',
      '  - name: sdb',
      '    table: gpt',
      '    partitions:',
      '      - { size: fill, filesystem: ext4, mount: /srv }',
      '',
    ].join('\n'),
  );
  const [first, second] = [join(lab.directory, 'a.img'), join(lab.directory, 'b.img')];
  const sda = await lab.blankDisk(first, 128 * MIB);
  const sdb = await lab.blankDisk(second, 64 * MIB);
  const kept = { start: 80 * MIB, bytes: 16 * MIB };
  const before = 'label: dos\nstart=1M, size=20M\nstart=80M, size=16M, type=7\n';
  await run('sfdisk', ['--quiet', sda], { input: before });
  const bytes = randomBytes(kept.bytes);
  const handle = await open(first, 'r+');
  await handle.write(bytes, 0, bytes.length, kept.start);
  await handle.sync();
  await handle.close();

  const whatToClone = ['-p', 'sda', description, '--root', golden.root];
  const session = startGolden(lab, ['-n', '1', ...whatToClone]);
  const agent = startAgent(lab, 1, ['--disk', `sda=${sda}`, '--disk', `sdb=${sdb}`]);
  expect(await exits(session, agent)).toEqual([0, 0]);
  expect((await readReport(lab)).nodes.map(({ result }) => result)).toEqual(['done']);

  await run('blockdev', ['--flushbufs', sda]);
  const image = await open(first, 'r');
  const after = Buffer.alloc(kept.bytes);
  await image.read(after, 0, after.length, kept.start);
  await image.close();
  expect(after.equals(bytes)).toBe(true);
  const { stdout: table } = await run('sfdisk', ['--dump', sda]);
  expect(table).toMatch(new RegExp(`2 : start= +${kept.start / 512}, size= +32768, type=7`));
  expect(table).toMatch(/1 : .*bootable/);

  const root = await lab.mount(loopPartition(sda, 1), 'clone', 'ro');
  await lab.mount(loopPartition(sdb, 1), join('clone', 'srv'), 'ro');
  const { differences } = compareTrees(
    await readTree(golden.root),
    await readTree(root),
    (path, differing) => isOwnPath(path, differing) || path === 'empty',
  );
  // The place of the file system that is new on the node.
  expect(differences.filter((line) => !line.includes('empty'))).toEqual([]);
  await lab.unmount(root);
}, 120_000);
