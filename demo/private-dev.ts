/**
 * A small /dev for a chroot: the usual character devices and one disk only, with
 * its by-uuid links. Without these links, which udev makes on a running machine,
 * grub-mkconfig silently writes `root=/dev/loop0p1`.
 */
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from '../system/run.ts';
import type { Cleanup } from './cleanup.ts';

const characterDevices = [
  ['null', '1', '3'],
  ['zero', '1', '5'],
  ['full', '1', '7'],
  ['random', '1', '8'],
  ['urandom', '1', '9'],
  ['tty', '5', '0'],
] as const;

const makeBlockDevice = async (devDirectory: string, name: string): Promise<void> => {
  const number = await readFile(`/sys/class/block/${name}/dev`, 'utf8');
  const [major, minor] = number.trim().split(':') as [string, string];
  await run('mknod', [join(devDirectory, name), 'b', major, minor]);
};

/** Mounts it at `devDirectory`; `cleanup` takes it away again. */
export const makePrivateDev = async (
  devDirectory: string,
  disk: string,
  cleanup: Cleanup,
): Promise<void> => {
  await run('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'dev', devDirectory]);
  cleanup.add(() => run('umount', [devDirectory]));
  for (const [name, major, minor] of characterDevices) {
    await run('mknod', ['--mode=666', join(devDirectory, name), 'c', major, minor]);
  }
  await symlink('/proc/self/fd', join(devDirectory, 'fd'));
  const diskName = basename(disk);
  await makeBlockDevice(devDirectory, diskName);
  const byUuid = join(devDirectory, 'disk/by-uuid');
  await mkdir(byUuid, { recursive: true });
  const parts = await readdir(`/sys/class/block/${diskName}`);
  for (const part of parts.filter((name) => name.startsWith(`${diskName}p`))) {
    await makeBlockDevice(devDirectory, part);
    const { stdout } = await run('blkid', ['-p', '-s', 'UUID', '-o', 'value', `/dev/${part}`]);
    await symlink(`../../${part}`, join(byUuid, stdout.trim()));
  }
};
