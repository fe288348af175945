/** Image files as disks: loop devices with their partitions. */
import { open, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ensureNode, kernelPartitions } from '../stage2/kernel-partitions.ts';
import { run } from '../system/run.ts';

/** Makes an empty sparse image of `bytes` bytes. */
export const makeBlankImage = async (file: string, bytes: number): Promise<void> => {
  const handle = await open(file, 'wx');
  try {
    await handle.truncate(bytes);
  } finally {
    await handle.close();
  }
};

/** Attaches an image to a free loop device and returns its path: /dev/loop3. */
export const attachLoop = async (
  file: string,
  options: { readOnly?: boolean; sectorBytes?: number } = {},
): Promise<string> => {
  const readOnly = options.readOnly ? ['--read-only'] : [];
  const sector = options.sectorBytes ? ['--sector-size', String(options.sectorBytes)] : [];
  const { stdout } = await run('losetup', ['--find', '--show', ...readOnly, ...sector, file]);
  return stdout.trim();
};

/** Makes the kernel see the partitions of a loop device, also where it has no parser for the table. */
export const showPartitions = async (device: string): Promise<void> => {
  // Without --nr it counts only as far as there are partitions: of 1, 2, 5 and 6 it would not come to 5.
  await run('partx', ['--update', '--nr', '1:128', device]);
  const { signal } = new AbortController();
  for (const partition of await kernelPartitions(device)) {
    await ensureNode(partition, { log: () => undefined, signal });
  }
};

/** Path of a partition of a loop device: /dev/loop3p1. */
export const loopPartition = (device: string, number: number): string => `${device}p${number}`;

/** Lets go of a loop device and of its partitions, if it has any. */
export const detachLoop = async (device: string): Promise<void> => {
  // partx exits 1 when there is no partition to remove.
  await run('partx', ['--delete', device], { okExitCodes: [0, 1] });
  // The kernel takes away only nodes it made. One that stayed would soon mean somebody else's partition.
  const own = new RegExp(`^${basename(device)}p\\d+$`);
  for (const name of await readdir('/dev')) if (own.test(name)) await rm(join('/dev', name));
  await run('losetup', ['--detach', device]);
};
