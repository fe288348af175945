/** What `-x` and a description leave out: the directories they name, and those their links lead to. */
import { lstat, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isCleanPath, withoutEndSlash } from '../desc/clean-path.ts';
import { NamedError } from '../system/named-error.ts';
import { under } from './golden-mounts.ts';

/** As in the kernel, path_resolution(7). */
const MOST_LINKS = 40;

/** The directory of an `-x`. Throws `BadExclude`. */
export const excludedDirectory = (written: string): string => {
  const directory = withoutEndSlash(written);
  if (directory === '/') {
    throw new NamedError('BadExclude', '-x /: that leaves out everything; name a directory in it');
  }
  if (isCleanPath(directory)) return directory;
  const advice = written.startsWith('/')
    ? 'give a plain path like /var/cache'
    : `give the directory from the root on, like /${written}`;
  throw new NamedError('BadExclude', `-x ${written}: ${advice}`);
};

const statIfThere = async (path: string) => {
  try {
    return await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
};

/**
 * Where a path of the system in `root` leads to when that is its root, as a path in it:
 * no link leads out. Undefined where no directory is there.
 */
const leadsTo = async (root: string, path: string): Promise<string | undefined> => {
  const left = path.split('/');
  let place = '/';
  let links = 0;
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      place = dirname(place);
      continue;
    }
    const next = join(place, part);
    const found = await statIfThere(under(root, next));
    if (found?.isSymbolicLink()) {
      links += 1;
      if (links > MOST_LINKS) return undefined;
      const target = await readlink(under(root, next));
      if (target.startsWith('/')) place = '/';
      left.unshift(...target.split('/'));
    } else if (found?.isDirectory()) {
      place = next;
    } else return undefined;
  }
  return place;
};

export interface Excluded {
  /** As paths in the system, each as it was written and as it is without links. */
  directories: string[];
  warnings: string[];
}

/** What to leave out of the system in `root`. Throws `BadExclude` for a link to what no plan can say. */
export const excludedIn = async (root: string, written: readonly string[]): Promise<Excluded> => {
  const directories: string[] = [];
  const warnings: string[] = [];
  for (const directory of written) {
    directories.push(directory);
    const real = await leadsTo(root, directory);
    if (real === undefined) {
      warnings.push(
        `${directory} is to be left out, but the golden has no such directory; correct it if it is written wrong`,
      );
    } else if (real !== directory && (real === '/' || !isCleanPath(real))) {
      throw new NamedError(
        'BadExclude',
        `${directory}, which is to be left out, is a link to ${JSON.stringify(real)}; name what is meant, by a plain path like /var/cache`,
      );
    } else directories.push(real);
  }
  return { directories: [...new Set(directories)], warnings };
};
