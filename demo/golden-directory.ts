/** Any directory as the demo's golden: one partition for everything. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';
import { loadDescription } from '../desc/load.ts';
import { readMounts } from '../desc/mounts.ts';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { bootFlags } from './boot-flags.ts';
import { MIB, type PreparedGolden, wholeMebibytes } from './prepared-golden.ts';
import type { Say } from './progress.ts';

/** What mkfs.ext4 gives one inode for, by its own choice. */
const BYTES_PER_INODE = 16 * 1024;

const isBelow = (root: string, path: string): boolean => {
  const inside = relative(root, path);
  return inside !== '' && inside !== '..' && !inside.startsWith('../');
};

/**
 * Throws what cannot be cloned: a directory with other file systems in it, of
 * which only the place would be copied, or with the clones themselves.
 */
export const requireWhole = async (root: string, places: readonly string[]): Promise<void> => {
  const mounted = (await readMounts()).find(({ mount }) => isBelow(root, mount));
  if (mounted) {
    throw new NamedError(
      'MountsBelow',
      `--golden ${root}: ${mounted.mount} in it is a file system of its own; unmount it, or give the disk's image`,
    );
  }
  const own = places.find((place) => isBelow(root, place));
  if (own === undefined) return;
  throw new NamedError(
    'GoldenHoldsClones',
    `--golden ${root}: the demo would write to ${own}, which is in it; give another directory`,
  );
};

/** Throws `NotReadable` for a directory with something that only root can read or make. */
export const requireOwn = async (root: string): Promise<void> => {
  const groups = [process.getegid?.() ?? 0, ...(process.getgroups?.() ?? [])];
  const foreign = [
    ...['(', '!', '-type', 'l', '!', '-readable', ')'],
    ...['-o', '(', '-type', 'd', '!', '-executable', ')'],
    ...['-o', '!', '-uid', String(process.geteuid?.() ?? 0)],
    ...['-o', '(', ...groups.flatMap((group) => ['!', '-gid', String(group)]), ')'],
    ...['-o', '-type', 'b', '-o', '-type', 'c'],
  ];
  // What it may not look into it names itself before it complains.
  const { stdout } = await run('find', [root, '(', ...foreign, ')', '-print0', '-quit'], {
    okExitCodes: [0, 1],
  });
  const [first = ''] = stdout.split('\0');
  if (first === '') return;
  throw new NamedError(
    'NotReadable',
    `--golden ${root}: only root can clone ${JSON.stringify(first)} (it is another user's, not readable, or a device); run the demo as root`,
  );
};

const countOf = async (...args: string[]): Promise<number> =>
  Number.parseInt((await run('du', ['--summarize', ...args])).stdout, 10);

/** Holds its files however they are stored now (packed, with holes), with an inode for each. */
const diskBytesFor = async (root: string): Promise<number> => {
  const stored = await countOf('--block-size=1', '--', root);
  const apparent = await countOf('--apparent-size', '--block-size=1', '--', root);
  const inodes = await countOf('--inodes', '--', root);
  const bytes = Math.max(stored, apparent, inodes * BYTES_PER_INODE);
  return wholeMebibytes(bytes * 1.3 + 256 * MIB);
};

/** Describes it in `file`. */
export const prepareDirectory = async (
  root: string,
  file: string,
  say: Say,
): Promise<PreparedGolden> => {
  const partition = { size: 'fill', filesystem: 'ext4', mount: '/' };
  const disks = [{ name: 'sda', table: 'msdos', partitions: [partition] }];
  await writeFile(file, JSON.stringify({ disks }));
  const { flags, why } = await bootFlags(root, await loadDescription(file, { disk: 'sda' }));
  if (why !== undefined) say(`golden: ${why}`);
  return {
    image: null,
    diskBytes: await diskBytesFor(root),
    root,
    description: file,
    flags,
    hasSystem: existsSync(join(root, 'etc')),
    raw: [],
  };
};
