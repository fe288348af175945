/** Where on this machine a directory can be seen, and what is mounted in one. */
import { join, relative } from 'node:path';
import type { Mount } from '../desc/mounts.ts';

/** True when `path` is `directory` or lies in it. Both absolute, without links; "" is "/", too. */
export const isAtOrIn = (path: string, directory: string): boolean =>
  directory === '/' || directory === '' || path === directory || path.startsWith(`${directory}/`);

/** The mount a path lies on; undefined only for a table without "/". */
export const mountOf = (path: string, mounts: readonly Mount[]): Mount | undefined => {
  let found: Mount | undefined;
  for (const mount of mounts) {
    // Of two on one directory the later one is seen.
    if (isAtOrIn(path, mount.mount) && mount.mount.length >= (found?.mount.length ?? 0)) {
      found = mount;
    }
  }
  return found;
};

/**
 * Every path under which `directory` can be seen: its own, and those of other
 * mounts of its file system (bind mounts, subvolumes) that show it or a part of it.
 */
export const placesOf = (directory: string, mounts: readonly Mount[]): string[] => {
  const own = mountOf(directory, mounts);
  if (!own) return [directory];
  const inside = join(own.root, relative(own.mount, directory));
  const others = mounts.flatMap(({ majorMinor, root, mount }) => {
    if (majorMinor !== own.majorMinor) return [];
    if (isAtOrIn(inside, root)) return [join(mount, relative(root, inside))];
    return isAtOrIn(root, inside) ? [mount] : [];
  });
  return [...new Set([directory, ...others])];
};

/**
 * Directories below `tree` on which other file systems are mounted, of which tar
 * and rsync with `--one-file-system` take nothing.
 */
export const otherMountsIn = (tree: string, mounts: readonly Mount[]): string[] => {
  const own = mountOf(tree, mounts);
  // Subvolumes of btrfs have one number here, and another one each for who looks at a file.
  const isSame = ({ majorMinor, type, root }: Mount): boolean =>
    majorMinor === own?.majorMinor && (type !== 'btrfs' || root === own.root);
  return mounts
    .filter((mount) => mount.mount !== tree && isAtOrIn(mount.mount, tree) && !isSame(mount))
    .map(({ mount }) => mount);
};

/**
 * Directories below `tree` that are subvolumes of its btrfs and so other file systems
 * for tar and rsync with `--one-file-system`, though nothing is mounted there.
 * `subvolumes` are paths from the top of that btrfs.
 */
export const subvolumesIn = (
  tree: string,
  mounts: readonly Mount[],
  subvolumes: readonly string[],
): string[] => {
  const own = mountOf(tree, mounts);
  const places = mounts
    .filter(({ majorMinor }) => majorMinor === own?.majorMinor)
    .flatMap(({ mount, root }) =>
      subvolumes
        .filter((path) => isAtOrIn(path, root))
        .map((path) => join(mount, relative(root, path))),
    );
  return [...new Set(places)].filter((place) => place !== tree && isAtOrIn(place, tree));
};
