import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { compareTrees, readTree } from '../../demo/compare.ts';
import { Lab } from '../../demo/lab.ts';
import { loopPartition, makeBlankImage, showPartitions } from '../../demo/loop-disk.ts';
import { mountSystem } from '../../demo/mounted-system.ts';
import { isOwnPath } from '../../demo/own-paths.ts';
import { run } from '../../system/run.ts';
import { differencesOf, exits, readReport, startAgent, startGolden } from '../support/cluster.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { MIB, uuidOf, writeSystem } from '../support/small-golden.ts';

const goldenDisk = async (lab: Lab, bytes: number, table: string): Promise<string> => {
  const image = join(lab.directory, 'golden.img');
  await makeBlankImage(image, bytes);
  await run('sfdisk', ['--quiet', image], { input: table });
  const disk = await lab.attach(image);
  await showPartitions(disk);
  return disk;
};

const mountAt = async (what: string, directory: string, ...options: string[]): Promise<void> => {
  await mkdir(directory, { recursive: true });
  await run('mount', [...options, what, directory]);
};

/** A file with these names in each directory, of other bytes each. */
const fill = async (root: string, ...paths: string[]): Promise<void> => {
  for (const path of paths) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), randomBytes(64 * 1024));
  }
};

const cloneTo = async (lab: Lab, disk: string, root: string, bytes: number): Promise<string> => {
  const node = await lab.blankDisk(join(lab.directory, 'node.img'), bytes);
  const session = startGolden(lab, ['--root', root, '-r', 'none']);
  const agent = startAgent(lab, 1, ['--disk', `${disk.replace('/dev/', '')}=${node}`]);
  expect(await exits(session, agent)).toEqual([0, 0]);
  expect((await readReport(lab)).nodes.map(({ result }) => result)).toEqual(['done']);
  return node;
};

test('a system in btrfs subvolumes is cloned with the files of all of them', async () => {
  await using lab = await Lab.create({ nodes: 1, directory: labDirectory });
  const disk = await goldenDisk(lab, 600 * MIB, 'label: gpt\nsize=256M\n');
  const device = loopPartition(disk, 1);
  await run('mkfs.btrfs', ['-q', device]);
  const root = join(lab.directory, 'golden');
  const subvolume = (path: string) => run('btrfs', ['subvolume', 'create', join(root, path)]);
  await mountAt(device, root);
  for (const name of ['@', '@home']) await subvolume(name);
  await run('umount', [root]);
  await mountAt(device, root, '-o', 'subvol=@');
  await mountAt(device, join(root, 'home'), '-o', 'subvol=@home');
  const line = (mount: string, name: string) =>
    `UUID=${uuid}\t${mount}\tbtrfs\tnoatime,subvol=${name}\t0\t0\n`;
  const uuid = await uuidOf(device);
  await writeSystem(root, `${line('/', '@')}${line('/home', '@home')}`);
  await mkdir(join(root, 'etc/default'));
  await writeFile(
    join(root, 'etc/default/grub'),
    'GRUB_CMDLINE_LINUX="rootflags=subvol=@ quiet"\n',
  );
  await mkdir(join(root, 'var/lib'), { recursive: true });
  await subvolume('var/lib/machines');
  await subvolume('home/user');
  const paths = ['file', 'home/file', 'home/user/deep/file', 'var/lib/machines/file', 'var/file'];
  await fill(root, ...paths);
  await run('btrfs', ['subvolume', 'snapshot', '-r', join(root, 'home'), join(root, 'snap')]);
  await run('chown', ['123:456', join(root, 'home')]);
  await run('chmod', ['2751', join(root, 'home')]);

  const node = await cloneTo(lab, disk, root, 500 * MIB);

  const clone = await mountSystem(lab, node, 'clone');
  const fstab = (await readFile(join(clone, 'etc/fstab'), 'utf8')).split('\n');
  const own = await uuidOf(loopPartition(node, 1));
  expect(fstab.slice(0, 2)).toEqual([
    `UUID=${own}\t/\tbtrfs\tnoatime\t0\t0`,
    `# no subvolume of its own here: ${line('/home', '@home').trim()}`,
  ]);
  expect(await readFile(join(clone, 'etc/default/grub'), 'utf8')).toBe(
    'GRUB_CMDLINE_LINUX="quiet"\n',
  );
  for (const path of paths) {
    expect((await readFile(join(clone, path))).equals(await readFile(join(root, path)))).toBe(true);
  }
  // A snapshot is a directory whose contents stay on the golden.
  expect(await readdir(join(clone, 'snap'))).toEqual([]);
  expect((await run('btrfs', ['subvolume', 'list', clone])).stdout).toBe('');
  await lab.unmount(clone);
  const differences = await differencesOf(lab, await readTree(root), node, 'compared');
  expect(differences.filter((text) => !/snap|etc\/default\/grub/.test(text))).toEqual([]);
}, 120_000);

test('a file system that is mounted a second time, and a bound directory, are cloned once', async () => {
  await using lab = await Lab.create({ nodes: 1, directory: labDirectory });
  const disk = await goldenDisk(lab, 128 * MIB, 'label: dos\nsize=96M\n');
  const device = loopPartition(disk, 1);
  await run('mkfs.ext4', ['-q', device]);
  const root = join(lab.directory, 'golden');
  await mountAt(device, root);
  const uuid = await uuidOf(device);
  await writeSystem(
    root,
    `UUID=${uuid} / ext4 defaults 0 1\nUUID=${uuid} /mnt/again ext4 ro 0 0\n`,
  );
  await fill(root, 'data/www/page', 'file');
  // Would not fit on the node a second time.
  await writeFile(join(root, 'large'), randomBytes(40 * MIB));
  for (const path of ['mnt/again', 'srv/www']) await mkdir(join(root, path), { recursive: true });
  const tree = await readTree(root);
  await mountAt(device, join(root, 'mnt/again'));
  await mountAt(join(root, 'data/www'), join(root, 'srv/www'), '--bind');

  const node = await cloneTo(lab, disk, root, 100 * MIB);

  const clone = await lab.mount(loopPartition(node, 1), 'clone', 'ro');
  expect(await readdir(join(clone, 'mnt/again'))).toEqual([]);
  expect(await readdir(join(clone, 'srv/www'))).toEqual([]);
  expect(existsSync(join(clone, 'data/www/page'))).toBe(true);
  const own = await uuidOf(loopPartition(node, 1));
  expect((await readFile(join(clone, 'etc/fstab'), 'utf8')).split('\n').slice(0, 2)).toEqual([
    `UUID=${own}\t/\text4\tdefaults\t0\t1`,
    `UUID=${own}\t/mnt/again\text4\tro\t0\t0`,
  ]);
  const { differences } = compareTrees(tree, await readTree(clone), isOwnPath);
  // These directories look like what is mounted on them.
  const seen = /^"(mnt\/again|srv\/www)": modified/;
  expect(differences.filter((text) => !seen.test(text))).toEqual([]);
  await lab.unmount(clone);
}, 120_000);
