/** Partitions as the kernel shows them, and their device nodes. */
import { access, lstat, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { majorMinorOf } from '../desc/sysfs-disk.ts';
import { orNull } from '../system/inside.ts';
import { run } from '../system/run.ts';
import type { StepContext } from './step.ts';

/** A partition as the kernel sees it; sectors of 512 bytes whatever the disk's are. */
export interface KernelPartition {
  number: number;
  /** Kernel name: sda1. */
  name: string;
  startBytes: number;
  sizeBytes: number;
  /** "major:minor". */
  deviceNumber: string;
}

const SYSFS_SECTOR_BYTES = 512;

/** The kernel's partitions of a disk, from sysfs, by number. */
export const kernelPartitions = async (device: string): Promise<KernelPartition[]> => {
  const directory = join('/sys/class/block', basename(await realpath(device)));
  const read = async (name: string, file: string): Promise<string> =>
    (await readFile(join(directory, name, file), 'utf8')).trim();
  const partitions: KernelPartition[] = [];
  for (const name of await readdir(directory)) {
    const isPartition = await access(join(directory, name, 'partition')).then(
      () => true,
      () => false,
    );
    if (!isPartition) continue;
    partitions.push({
      number: Number(await read(name, 'partition')),
      name,
      startBytes: Number(await read(name, 'start')) * SYSFS_SECTOR_BYTES,
      sizeBytes: Number(await read(name, 'size')) * SYSFS_SECTOR_BYTES,
      deviceNumber: await read(name, 'dev'),
    });
  }
  return partitions.sort((a, b) => a.number - b.number);
};

/** The number a device node has; undefined for no node, and for what is none. */
const numberAt = async (path: string): Promise<string | undefined> => {
  const found = await orNull(lstat(path));
  return found?.isBlockDevice() ? majorMinorOf(found.rdev) : undefined;
};

/**
 * Makes /dev/NAME where neither devtmpfs nor udev did (a container, a plain
 * initramfs). What is there with another number is an earlier partition's, and
 * may be another disk's by now: it is replaced.
 */
export const ensureNode = async (
  partition: KernelPartition,
  { log, signal }: Pick<StepContext, 'log' | 'signal'>,
): Promise<string> => {
  const path = `/dev/${partition.name}`;
  const found = await numberAt(path);
  if (found !== partition.deviceNumber) {
    if (found !== undefined) log(`${path} was ${found}, which is another partition: made anew`);
    await rm(path, { force: true });
    const [major = '', minor = ''] = partition.deviceNumber.split(':');
    await run('mknod', ['--mode=600', path, 'b', major, minor], { log, signal });
  }
  return path;
};
