/** Partitions as the kernel shows them, and their device nodes. */
import { access, readdir, readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
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

/** Makes /dev/NAME where neither devtmpfs nor udev did (a container, a plain initramfs). */
export const ensureNode = async (
  partition: KernelPartition,
  { log, signal }: Pick<StepContext, 'log' | 'signal'>,
): Promise<string> => {
  const path = `/dev/${partition.name}`;
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (!there) {
    const [major = '', minor = ''] = partition.deviceNumber.split(':');
    await run('mknod', ['--mode=600', path, 'b', major, minor], { log, signal });
  }
  return path;
};
