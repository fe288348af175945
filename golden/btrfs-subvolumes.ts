/** The subvolumes of a btrfs. */
import { NamedError } from '../system/named-error.ts';
import { isDecoded } from '../system/printable.ts';
import { run } from '../system/run.ts';

export interface BtrfsSubvolume {
  /** From the top of the file system on, with a slash in front: /@/var/lib/machines. */
  path: string;
  isSnapshot: boolean;
}

const TIMEOUT_MS = 60_000;

/**
 * With -a all paths are from the top on; those outside the given directory's subvolume
 * are marked. The path comes last, and may hold the words in front of it once more.
 */
const LINE = /^ID \d+ .*?parent_uuid (\S+)\s+uuid \S+\s+path (?:<FS_TREE>\/)?(.+)$/;

/** All subvolumes of the btrfs that is mounted at `directory`. Errors: those of `run`, `SubvolumesUnreadable`. */
export const btrfsSubvolumes = async (directory: string): Promise<BtrfsSubvolume[]> => {
  const args = ['subvolume', 'list', '-a', '-u', '-q', directory];
  const { stdout } = await run('btrfs', args, { timeoutMs: TIMEOUT_MS });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, parent, path] = LINE.exec(line) ?? [];
      if (path !== undefined && isDecoded(path))
        return { path: `/${path}`, isSnapshot: parent !== '-' };
      throw new NamedError(
        'SubvolumesUnreadable',
        `the subvolumes of the btrfs on ${directory} cannot be read, at "${line}"; rename what has a line end or bytes that are no UTF-8 in its name`,
      );
    });
};
