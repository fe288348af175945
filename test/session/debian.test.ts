import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { readTree } from '../../demo/compare.ts';
import { buildGoldenDisk, findGoldenDisk, goldenDescription } from '../../demo/golden-disk.ts';
import { Lab } from '../../demo/lab.ts';
import { mountSystem } from '../../demo/mounted-system.ts';
import { run } from '../../system/run.ts';
import { differencesOf, exits, readReport, startAgent, startGolden } from '../support/cluster.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { MIB } from '../support/small-golden.ts';
import { bootToLogin } from '../support/virtual-machine.ts';

/** A module no initramfs has by itself, asked for as the original's mkinitrd had it. */
const MODULE = 'dummy';

const MODULES_FILE = 'etc/initramfs-tools/modules';

let image: string;

/** Whether every initramfs of a system has the module in it. */
const hasModule = async (root: string): Promise<boolean> => {
  const names = (await readdir(join(root, 'boot'))).filter((name) => name.startsWith('initrd'));
  const lists = await Promise.all(
    names.map(async (name) => {
      const cpio = await run('bash', [
        ...['-o', 'pipefail', '-c', 'zstd --decompress --stdout "$1" | cpio --list --quiet'],
        ...['bash', join(root, 'boot', name)],
      ]);
      return cpio.stdout;
    }),
  );
  return lists.length > 0 && lists.every((list) => list.includes(`/${MODULE}.ko`));
};

beforeAll(async () => {
  const cached = await findGoldenDisk(labDirectory);
  image = cached ?? (await buildGoldenDisk({ cacheDirectory: labDirectory }));
}, 300_000);

test('a real Debian clones to three nodes, and a clone boots to its own login', async () => {
  await using lab = await Lab.create({ nodes: 3, directory: labDirectory });
  const goldenDisk = await lab.attach(image, { readOnly: true });
  const root = await mountSystem(lab, goldenDisk, 'golden');
  const description = join(lab.directory, 'desc');
  await writeFile(description, goldenDescription);
  const { size } = await stat(image);
  const imageOf = (name: string) => join(lab.directory, `${name}.img`);
  const disks = await Promise.all(
    lab.nodes.map(({ name }, index) => lab.blankDisk(imageOf(name), size + index * 300 * MIB)),
  );
  const session = startGolden(lab, [
    ...['-n', '3', '-p', 'sda', description, '--root', root],
    ...['-r', `grub --with=${MODULE}`],
  ]);
  const agents = disks.map((disk, index) => startAgent(lab, index + 1, ['--disk', `sda=${disk}`]));
  expect(await exits(session)).toEqual([0]);
  expect(await Promise.all(agents.map(({ ended }) => ended))).toEqual([0, 0, 0]);

  const report = await readReport(lab);
  expect(report.nodes.map(({ result }) => result)).toEqual(['done', 'done', 'done']);
  const tree = await readTree(root);
  for (const [index, { name }] of lab.nodes.entries()) {
    const different = await differencesOf(lab, tree, disks[index] ?? '', name);
    expect([name, different.filter((line) => !line.includes(MODULES_FILE))]).toEqual([name, []]);
  }

  const identities = new Set<string>();
  for (const [index, { name }] of lab.nodes.entries()) {
    const clone = await mountSystem(lab, disks[index] ?? '', `identity-${name}`);
    const read = (path: string) => readFile(join(clone, path), 'utf8');
    expect(await read('etc/hostname')).toBe(`${name}\n`);
    identities.add(await read('etc/machine-id'));
    identities.add(await read('etc/ssh/ssh_host_ed25519_key'));
    expect(existsSync(join(clone, 'etc/ssh/ssh_host_rsa_key'))).toBe(true);
    const named = (await read(MODULES_FILE)).split('\n').filter((line) => line === MODULE);
    expect([name, named, await hasModule(clone)]).toEqual([name, [MODULE], true]);
    await lab.unmount(clone);
  }
  for (const path of ['etc/machine-id', 'etc/ssh/ssh_host_ed25519_key']) {
    identities.add(await readFile(join(root, path), 'utf8'));
  }
  expect(identities.size).toBe(8);

  expect(await bootToLogin(imageOf('node2'), 240_000)).toContain('node2 login:');
}, 540_000);
