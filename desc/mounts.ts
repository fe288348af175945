/** What is mounted on this machine, and what its fstab says. */
import { readFile } from 'node:fs/promises';

export interface Mount {
  /** Of the mount itself, and of the one it is mounted on. */
  id: number;
  parent: number;
  /** "8:1"; anonymous (0:…) for btrfs. */
  majorMinor: string;
  /** Directory of the file system that is mounted: "/" unless it is a bind mount or subvolume. */
  root: string;
  mount: string;
  options: string;
  type: string;
  source: string;
  /** Of the file system; btrfs says its `subvol=` here. */
  superOptions: string;
}

/** One line of fstab; `source` as written: UUID=…, /dev/sda1. */
export interface FstabEntry {
  source: string;
  mount: string;
  type: string;
  options: string;
}

/** proc_pid_mountinfo(5): optional fields end with a lone dash. */
export const parseMountinfo = (text: string): Mount[] =>
  text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [id, parent, majorMinor, root, mount, options] = before.split(' ');
    const [type, source, superOptions = ''] = after.split(' ');
    if (!majorMinor || !root || !mount || !options || !type || !source) return [];
    return [
      {
        id: Number(id),
        parent: Number(parent),
        majorMinor,
        root: unescaped(root),
        mount: unescaped(mount),
        options,
        type,
        source: unescaped(source),
        superOptions: unescaped(superOptions),
      },
    ];
  });

/** fstab(5); comments and lines that are too short are left out. */
export const parseFstab = (text: string): FstabEntry[] =>
  text.split('\n').flatMap((line) => {
    const [source, mount, type, options = 'defaults'] = line.trim().split(/\s+/);
    if (!source || source.startsWith('#') || !mount || !type) return [];
    return [{ source: fstabSource(source), mount: unescaped(mount), type, options }];
  });

/** Both files write space, tab, newline and backslash as \040 and so on. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );

/** What an fstab means by the first field of a line: LABEL="a\\040b" is LABEL=a b. */
export const fstabSource = (written: string): string =>
  unescaped(written.replace(/^(\w+=)"(.*)"$/, '$1$2'));

export const readMounts = async (): Promise<Mount[]> =>
  parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));

const parentsOf = (path: string): string[] => {
  const parts = path.split('/').filter((part) => part !== '');
  return ['/', ...parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)];
};

/**
 * The mount that whoever looks at an absolute path sees there. Later mounts
 * cover earlier ones at the same place and all that is below them.
 */
export const mountLookup = (mounts: readonly Mount[]): ((path: string) => Mount | undefined) => {
  const ids = new Set(mounts.map(({ id }) => id));
  // Above the first one, in a namespace of its own, there is something that is not listed.
  const key = (parent: number | undefined, mount: string): string =>
    `${parent !== undefined && ids.has(parent) ? parent : ''} ${mount}`;
  const on = new Map(mounts.map((mount) => [key(mount.parent, mount.mount), mount]));
  return (path) => {
    let seen: Mount | undefined;
    for (const place of parentsOf(path)) {
      for (;;) {
        const above = on.get(key(seen?.id, place));
        if (!above || above === seen) break;
        seen = above;
      }
    }
    return seen;
  };
};
