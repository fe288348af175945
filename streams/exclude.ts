/** Directories whose contents are left out: one list, in the words of tar and of rsync. */
import { isAtOrIn, withoutEndSlash } from '../desc/clean-path.ts';
import type { ClonePlan } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';

/** Path below `mount`, with a leading "/": /home/x on /home → /x; the mount itself → "". */
const below = (path: string, mount: string): string => {
  if (!isAtOrIn(path, mount)) return '';
  return mount === '/' ? path : path.slice(mount.length);
};

/**
 * What a copy of the file system at `mount` leaves out, as paths from its own
 * root ("" = everything in it): the excluded directories, and the places where
 * the node has other file systems of its own. Those are full directories where
 * the golden has one file system and the node several.
 */
export const excludedBelow = (
  mount: string,
  exclude: readonly string[],
  mounts: readonly string[],
): string[] => {
  const root = withoutEndSlash(mount);
  const directories = exclude.map(withoutEndSlash);
  const nested = mounts.filter((other) => other !== root && isAtOrIn(other, root));
  const concerned = [...directories, ...nested].filter(
    (directory) => isAtOrIn(directory, root) || isAtOrIn(root, directory),
  );
  return [...new Set(concerned.map((directory) => below(directory, root)))];
};

/** As `excludedBelow`, with everything taken from the plan. */
export const excludedByPlan = (plan: ClonePlan, mount: string): string[] => {
  // A node that clones into a directory has streams, but no partitions.
  const places = [...plan.streams, ...plan.disks.flatMap(({ partitions }) => partitions)];
  const mounts = places.flatMap((place) => (place.mount === undefined ? [] : [place.mount]));
  return excludedBelow(mount, plan.exclude, [...mounts, ...(plan.notRead ?? [])]);
};

/**
 * xfs shows each ACL a second time under these names. Copied to another file
 * system they would be plain attributes that mean nothing.
 */
export const XFS_ACLS = 'trusted.SGI_ACL_*';

/** Both tar's and rsync's matchers take a backslash before these. */
const literal = (path: string): string => path.replace(/[*?[\]\\]/g, '\\$&');

/** GNU tar, member names being "./…": the contents go, the directory itself stays. */
export const tarExcludes = (excluded: readonly string[]): string[] => [
  '--anchored',
  '--wildcards',
  ...excluded.map((path) => `--exclude=.${literal(path)}/*`),
];

/** rsync, anchored at the root of the transfer. */
export const rsyncExcludes = (excluded: readonly string[]): string[] =>
  excluded.map((path) => `--exclude=${literal(path)}/*`);

/** rsync leaves out longer patterns, and then it would serve what they hide. */
const MAX_PATTERN_BYTES = 4000;

/**
 * Text of a file of patterns for rsync's daemon: what is in these directories is
 * not there for any client, whatever it asks for and however deep it lies. Throws
 * `NotHidden` for a path no pattern can be made of.
 */
export const rsyncHidden = (excluded: readonly string[]): string =>
  excluded
    .map((path) => {
      // One line each: a line end in a name is any one character there.
      const pattern = `${literal(path).replaceAll(/[\r\n]/g, '?')}/**`;
      if (Buffer.byteLength(pattern) <= MAX_PATTERN_BYTES) return `${pattern}\n`;
      const message = `${path.slice(0, 100)}… has too long a name to be left out; move it`;
      throw new NamedError('NotHidden', message);
    })
    .join('');
