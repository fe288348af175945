/** Packs directories so that the same files give the same bytes. */
import { lutimes, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type CommandLog, run } from '../system/run.ts';

export interface PackOptions {
  signal?: AbortSignal | undefined;
  log?: CommandLog | undefined;
}

/** Slowest regular level: images are read far more often than made. */
const ZSTD_LEVEL = 19;
/** The same for blocks of a squashfs, where 22 takes thrice the time for one percent. */
const SQUASHFS_LEVEL = 15;

const TIMEOUT_MS = 20 * 60 * 1000;

/**
 * All paths below a directory, sorted, directories before what is in them.
 * Step by step: readdir's own recursion follows symbolic links out of it.
 */
const pathsBelow = async (directory: string, place = ''): Promise<string[]> => {
  const entries = await readdir(join(directory, place), { withFileTypes: true });
  const paths = entries.map(async (entry) => {
    const path = join(place, entry.name);
    return entry.isDirectory() ? [path, ...(await pathsBelow(directory, path))] : [path];
  });
  return (await Promise.all(paths)).flat().sort();
};

/**
 * Makes `archive`, a cpio in the kernel's "newc" format compressed with zstd
 * (Documentation/driver-api/early-userspace/buffer-format). Everything belongs
 * to root and was changed in 1970.
 */
export const packInitrd = async (
  directory: string,
  archive: string,
  options: PackOptions,
): Promise<void> => {
  const paths = await pathsBelow(directory);
  for (const path of paths) await lutimes(join(directory, path), 0, 0);
  const cpio = `${archive}.cpio`;
  const how = ['--create', '--format=newc', '--reproducible', '--owner=0:0', '--null', '--quiet'];
  await run('cpio', [...how, `--file=${cpio}`], {
    cwd: directory,
    input: paths.map((path) => `${path}\0`).join(''),
    timeoutMs: TIMEOUT_MS,
    ...options,
  });
  const zstd = ['--quiet', '--force', '--rm', '--threads=0', `-${ZSTD_LEVEL}`, '-o', archive, cpio];
  await run('zstd', zstd, { timeoutMs: TIMEOUT_MS, ...options });
};

/** Makes a squashfs of /usr and /etc of a root directory, without the paths in `unneeded`. */
export const packSquashfs = async (
  root: string,
  unneeded: readonly string[],
  file: string,
  options: PackOptions,
): Promise<void> => {
  const compression = ['-comp', 'zstd', '-Xcompression-level', String(SQUASHFS_LEVEL), '-b', '1M'];
  const reproducible = ['-all-time', '0', '-mkfs-time', '0', '-no-exports'];
  const quiet = ['-quiet', '-no-progress', '-noappend'];
  const excluded = unneeded.map((path) => join(root, path));
  await run(
    'mksquashfs',
    [
      ...[join(root, 'usr'), join(root, 'etc'), file],
      ...[...compression, ...reproducible, ...quiet, '-e', ...excluded],
    ],
    { timeoutMs: TIMEOUT_MS, ...options },
  );
};
