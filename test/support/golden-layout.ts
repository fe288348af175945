/** A golden disk of any layout, made with the ordinary tools and mounted as its own fstab says. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../../demo/lab.ts';
import { loopPartition, makeBlankImage, showPartitions } from '../../demo/loop-disk.ts';
import { run } from '../../system/run.ts';
import { uuidOf, writeSystem } from './small-golden.ts';

export interface GoldenPartition {
  number: number;
  /** Command and arguments, without the device. */
  mkfs: readonly [string, ...string[]];
  /** Type as in fstab; without a mount point the partition is only formatted. */
  type?: string;
  mount?: string;
}

export interface GoldenLayoutOptions {
  bytes: number;
  /** For sfdisk. */
  table: string;
  /** The one mounted on / first. */
  partitions: readonly GoldenPartition[];
  /** Fills the mounted system. */
  fill: (root: string) => Promise<unknown>;
}

export interface GoldenLayout {
  /** Where its system is mounted, read-only. */
  root: string;
  disk: string;
  /** Device of a partition. */
  device: (number: number) => string;
}

export const makeGoldenLayout = async (
  lab: Lab,
  { bytes, table, partitions, fill }: GoldenLayoutOptions,
): Promise<GoldenLayout> => {
  const image = join(lab.directory, 'golden.img');
  await makeBlankImage(image, bytes);
  await run('sfdisk', ['--quiet', image], { input: table });
  const disk = await lab.attach(image);
  await showPartitions(disk);
  const device = (number: number) => loopPartition(disk, number);
  const lines: string[] = [];
  for (const { number, mkfs, mount, type = 'ext4' } of partitions) {
    const [command, ...args] = mkfs;
    await run(command, [...args, device(number)]);
    const place = type === 'swap' ? 'none' : mount;
    if (place) lines.push(`UUID=${await uuidOf(device(number))} ${place} ${type} defaults 0 0\n`);
  }
  const root = join(lab.directory, 'golden');
  const places: string[] = [];
  for (const { number, mount } of partitions) {
    if (mount === undefined) continue;
    await mkdir(join(root, mount), { recursive: true });
    places.push(await lab.mount(device(number), join('golden', mount), 'rw'));
  }
  await writeSystem(root, lines.join(''));
  await fill(root);
  // Not unmounted and mounted again: a namespace made meanwhile may still hold the first mount.
  for (const place of places) await run('mount', ['-o', 'remount,ro', place]);
  return { root, disk, device };
};
