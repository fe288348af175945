/** A small golden for session tests: one ext4 disk with just enough of a system to be cloned. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../../demo/lab.ts';
import { loopPartition, makeBlankImage, showPartitions } from '../../demo/loop-disk.ts';
import { run } from '../../system/run.ts';

export const MIB = 1024 * 1024;

export interface SmallGolden {
  /** Where its system is mounted, read-only. */
  root: string;
  /** Its partition device. */
  device: string;
  /** Description to give to `ka golden -p sda`. */
  description: string;
  bytes: number;
}

export interface SmallGoldenOptions {
  bytes: number;
  /** Text of the description; a single partition with everything when absent. */
  description?: { name: string; text: string };
  mkfs?: readonly string[];
  /** Fills the mounted root. */
  fill: (root: string) => Promise<unknown>;
  /** Last change, to the unmounted partition. */
  afterwards?: (device: string) => Promise<unknown>;
}

/** Just enough of a system in `root`, with this fstab. */
export const writeSystem = async (root: string, fstab: string): Promise<void> => {
  // Where a system is, the clone's tools are run in it and need these to mount on.
  for (const name of ['etc', 'dev', 'proc', 'sys', 'run', 'tmp']) await mkdir(join(root, name));
  await writeFile(join(root, 'etc/fstab'), fstab);
  await writeFile(join(root, 'etc/hostname'), 'golden\n');
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost\n127.0.1.1 golden\n');
  await writeFile(join(root, 'etc/machine-id'), `${'a'.repeat(32)}\n`);
};

/** UUID of the file system on a device. */
export const uuidOf = async (device: string): Promise<string> => {
  const { stdout } = await run('blkid', ['-p', '-s', 'UUID', '-o', 'value', device]);
  return stdout.trim();
};

export const makeSmallGolden = async (
  lab: Lab,
  options: SmallGoldenOptions,
): Promise<SmallGolden> => {
  const image = join(lab.directory, 'golden.img');
  await makeBlankImage(image, options.bytes);
  await run('sfdisk', ['--quiet', image], { input: 'label: dos\ntype=83, bootable\n' });
  const disk = await lab.attach(image);
  await showPartitions(disk);
  const device = loopPartition(disk, 1);
  await run('mkfs.ext4', ['-q', ...(options.mkfs ?? []), device]);
  const uuid = await uuidOf(device);
  const writable = await lab.mount(device, 'golden-rw', 'rw');
  await writeSystem(writable, `UUID=${uuid} / ext4 defaults 0 1\n`);
  await options.fill(writable);
  await lab.unmount(writable);
  await options.afterwards?.(device);
  const root = await lab.mount(device, 'golden', 'ro');
  const { name, text } = options.description ?? { name: 'desc', text: 'linux fill\n' };
  const description = join(lab.directory, name);
  await writeFile(description, text);
  return { root, device, description, bytes: options.bytes };
};
