/** Paths inside another system's root (a clone, a golden that is mounted), its symbolic links followed as if it were the root. */
import { lstat, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NamedError } from './named-error.ts';

const MOST_LINKS = 40;

const isNotThere = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** As the given promise, but null when the file is not there. */
export const orNull = async <T>(work: Promise<T>): Promise<T | null> => {
  try {
    return await work;
  } catch (error) {
    if (isNotThere(error)) return null;
    throw error;
  }
};

/**
 * Real path of `path` (absolute inside the root) under `root`. An absolute
 * link there means that root, never the machine's; ".." does not lead out. Parts that do not exist are taken as they are.
 */
export const inside = async (root: string, path: string): Promise<string> => {
  let done: string[] = [];
  const left = path.split('/');
  let links = 0;
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      done = done.slice(0, -1);
      continue;
    }
    const here = join(root, ...done, part);
    const found = await orNull(lstat(here));
    if (!found?.isSymbolicLink()) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > MOST_LINKS) {
      throw new NamedError(
        'LinkLoop',
        `${path} in ${root} is a loop of symbolic links; repair it on the golden`,
      );
    }
    const to = await readlink(here);
    if (to.startsWith('/')) done = [];
    left.unshift(...to.split('/'));
  }
  return join(root, ...done);
};

/** Text of a regular file in the root, or null when there is none. Bytes that are not UTF-8 survive (latin1). */
export const readInside = async (root: string, path: string): Promise<string | null> => {
  const real = await inside(root, path);
  const found = await orNull(stat(real));
  return found?.isFile() ? readFile(real, 'latin1') : null;
};

/** Replaces the text of a file in the root; mode, owner and links to it stay. */
export const writeInside = async (root: string, path: string, text: string): Promise<void> => {
  await writeFile(await inside(root, path), text, 'latin1');
};

/** Names in a directory of the root; none when it is not there. */
export const listInside = async (root: string, path: string): Promise<string[]> =>
  (await orNull(readdir(await inside(root, path)))) ?? [];

export const existsInside = async (root: string, path: string): Promise<boolean> =>
  (await orNull(stat(await inside(root, path)))) !== null;

/** Place of a directory entry itself: links on the way are followed, the last part is not. */
export const entryInside = async (root: string, path: string): Promise<string> =>
  join(await inside(root, dirname(path)), path.slice(path.lastIndexOf('/') + 1));
