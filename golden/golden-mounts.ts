/**
 * What is mounted in the system to clone, and which of it is a file system of
 * its own: one device can be mounted many times, whole or in parts.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type FstabEntry, type Mount, mountLookup, readMounts } from '../desc/mounts.ts';
import { NamedError } from '../system/named-error.ts';
import { isDecoded } from '../system/printable.ts';
import { type BtrfsSubvolume, btrfsSubvolumes } from './btrfs-subvolumes.ts';

/**
 * What a mount point of the system is:
 *
 * - `own`: the place of a file system. Of several the root, else the one in
 *   fstab, else the shortest.
 * - `subvolume`: another subvolume of the btrfs at `of`, mounted or not
 * - `snapshot`: a subvolume that is a snapshot of another
 * - `again`: the same file system (or subvolume) as at `of`
 * - `piece`: a bind mount of the directory `root` of a file system, which has
 *   its own place at `of`; no place where `of` is undefined
 * - `image`: a file system in the image file `source`
 * - `foreign`: not of a block device
 */
export type MountRole = 'own' | 'subvolume' | 'snapshot' | 'again' | 'piece' | 'image' | 'foreign';

export interface GoldenMount {
  /** As in the system: `/home`. */
  mount: string;
  /** The same directory on this machine. */
  directory: string;
  role: MountRole;
  of: string | undefined;
  type: string;
  /** As mounted: /dev/mapper/vg-root, server:/export. */
  source: string;
  /** Directory (or subvolume) of the file system that is mounted. */
  root: string;
  /** The file system as a whole, not this mount alone. */
  isReadOnly: boolean;
  /** By the kernel's name: /dev/sda1, /dev/dm-0. Of `foreign` none. */
  device: string | undefined;
  /** The disk that has `device` as a partition; undefined when it is none. */
  disk: string | undefined;
}

/** A mount of a block device, seen in the system. */
interface Found {
  place: Mount;
  mount: string;
  device: string;
}

/** Path in the system in `root`; undefined when it is outside. */
const insideOf = (root: string, path: string): string | undefined => {
  if (root === '/') return path;
  if (path === root) return '/';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
};

/** Where a path of the system in `root` is on this machine. */
export const under = (root: string, path: string): string => {
  if (root === '/') return path;
  return path === '/' ? root : `${root}${path}`;
};

/**
 * Device of a mount, by the kernel's name. By number where it has one: the
 * source may be a name that never existed, like /dev/root. (btrfs and fuse
 * mounts have numbers of their own.) Undefined when it is no block device.
 */
const deviceOf = async ({ majorMinor, source }: Mount): Promise<string | undefined> => {
  if (!source.startsWith('/dev/')) return undefined;
  const path = majorMinor.startsWith('0:') ? source : `/sys/dev/block/${majorMinor}`;
  if (!existsSync(path)) return undefined;
  const name = basename(await realpath(path));
  return existsSync(join('/sys/class/block', name))
    ? `/dev/${name.replaceAll('!', '/')}`
    : undefined;
};

const sysfsOf = (device: string): Promise<string> =>
  realpath(join('/sys/class/block', device.replace(/^\/dev\//, '').replaceAll('/', '!')));

/** Whole disk of a partition, by sysfs: /dev/sda1 → /dev/sda. */
const diskOf = async (device: string): Promise<string | undefined> => {
  const path = await sysfsOf(device);
  return existsSync(join(path, 'partition'))
    ? `/dev/${basename(dirname(path)).replaceAll('!', '/')}`
    : undefined;
};

/** The file behind a loop device that is used as a whole. */
const imageOf = async (device: string): Promise<string | undefined> => {
  const file = join(await sysfsOf(device), 'loop/backing_file');
  return existsSync(file) ? (await readFile(file, 'utf8')).trim() : undefined;
};

/** The kernel writes it last, as names may hold commas: "…,subvolid=256,subvol=/@home". */
const subvolumeOf = ({ superOptions, root }: Mount): string =>
  /(?:^|,)subvol=(.*)$/.exec(superOptions)?.[1] ?? root;

const isWhole = ({ place }: Found): boolean =>
  place.type === 'btrfs' ? place.root === subvolumeOf(place) : place.root === '/';

const ownPlace = (whole: readonly Found[], fstab: readonly FstabEntry[]): Found | undefined => {
  const listed = whole.filter(({ mount }) => fstab.some((entry) => entry.mount === mount));
  const candidates = listed.length > 0 ? listed : whole;
  return (
    whole.find(({ mount }) => mount === '/') ??
    candidates.toSorted((a, b) => a.mount.length - b.mount.length)[0]
  );
};

type Role = Pick<GoldenMount, 'role' | 'of'>;

const ofPlace = ({ mount, type, root, superOptions }: Mount) => ({
  directory: mount,
  type,
  root,
  isReadOnly: superOptions.split(',').includes('ro'),
});

/** What each mount of one device is. */
const rolesOf = (found: readonly Found[], fstab: readonly FstabEntry[]): Map<Found, Role> => {
  const whole = found.filter(isWhole);
  const own = ownPlace(whole, fstab);
  const roles = new Map<Found, Role>();
  /** By subvolume, or by "/" where there are none. */
  const places = new Map<string, Found>();
  for (const each of own ? [own, ...whole.filter((other) => other !== own)] : []) {
    const first = places.get(each.place.root);
    if (each === own) roles.set(each, { role: 'own', of: undefined });
    else if (first) roles.set(each, { role: 'again', of: first.mount });
    else roles.set(each, { role: 'subvolume', of: own?.mount });
    if (!first) places.set(each.place.root, each);
  }
  for (const each of found.filter((other) => !whole.includes(other))) {
    const holder = each.place.type === 'btrfs' ? subvolumeOf(each.place) : '/';
    roles.set(each, { role: 'piece', of: places.get(holder)?.mount });
  }
  return roles;
};

interface System {
  root: string;
  lookup: (path: string) => Mount | undefined;
}

/** The subvolumes inside those that are mounted: tar and rsync take them for other file systems. */
const nestedSubvolumes = (
  subvolumes: readonly BtrfsSubvolume[],
  mounted: readonly GoldenMount[],
  { root, lookup }: System,
): GoldenMount[] => {
  const placed = new Set(mounted.map((mount) => mount.root));
  const inner = (outer: string, path: string): string | undefined => {
    const rest = insideOf(outer, path);
    return rest === '/' ? undefined : rest;
  };
  return mounted.flatMap((holder) =>
    subvolumes.flatMap(({ path, isSnapshot }): GoldenMount[] => {
      const rest = inner(holder.root, path);
      if (rest === undefined || placed.has(path)) return [];
      const mount = holder.mount === '/' ? rest : `${holder.mount}${rest}`;
      const directory = under(root, mount);
      if (lookup(directory)?.mount !== holder.directory) return [];
      placed.add(path);
      const inSnapshot = subvolumes.some(
        (other) => other.isSnapshot && inner(other.path, path) !== undefined,
      );
      const role = isSnapshot || inSnapshot ? 'snapshot' : 'subvolume';
      return [{ ...holder, mount, directory, role, of: holder.mount, root: path }];
    }),
  );
};

/** More than one device in a btrfs, by the kernel's names; empty when it is on one. */
export const btrfsDevices = async (device: string): Promise<string[]> => {
  const all = '/sys/fs/btrfs';
  for (const name of existsSync(all) ? await readdir(all) : []) {
    const devices = join(all, name, 'devices');
    const names = existsSync(devices) ? await readdir(devices) : [];
    if (names.includes(basename(device))) return names.length > 1 ? names.toSorted() : [];
  }
  return [];
};

const oddMountPoint = ({ mount, source }: Mount): NamedError =>
  new NamedError(
    'OddMountPoint',
    `${source} is mounted on ${JSON.stringify(mount)}, whose name is not UTF-8; unmount it, or mount it elsewhere`,
  );

/**
 * All mounts one sees in the system at `root`, outermost first, and the
 * subvolumes in them. Reads no disk. Throws `OddMountPoint`.
 */
export const readGoldenMounts = async (
  root: string,
  fstab: readonly FstabEntry[],
): Promise<GoldenMount[]> => {
  const all = await readMounts();
  const lookup = mountLookup(all);
  const result: GoldenMount[] = [];
  const byDevice = new Map<string, Found[]>();
  for (const place of all) {
    const mount = insideOf(root, place.mount);
    // Covered by a later mount: nobody sees it.
    if (mount === undefined || lookup(place.mount) !== place) continue;
    const device = await deviceOf(place);
    if (device !== undefined) {
      if (!isDecoded(place.mount)) throw oddMountPoint(place);
      // A file bound over a file is read where it is seen.
      if (!(await stat(place.mount)).isDirectory()) continue;
      byDevice.set(device, [...(byDevice.get(device) ?? []), { place, mount, device }]);
      continue;
    }
    const { source } = place;
    const nowhere = { role: 'foreign', of: undefined, device, disk: undefined } as const;
    result.push({ ...nowhere, ...ofPlace(place), mount, source });
  }
  for (const [device, found] of byDevice) {
    const disk = await diskOf(device);
    const image = found.some(({ mount }) => mount === '/') ? undefined : await imageOf(device);
    const mounts = [...rolesOf(found, fstab)].map(
      ([{ place, mount }, role]): GoldenMount => ({
        ...ofPlace(place),
        mount,
        device,
        disk,
        ...(image === undefined
          ? { ...role, source: place.source }
          : { role: 'image', of: undefined, source: image }),
      }),
    );
    result.push(...mounts);
    const subvolumes = mounts.filter(
      ({ type, role }) => type === 'btrfs' && (role === 'own' || role === 'subvolume'),
    );
    const [first] = subvolumes;
    if (!first) continue;
    const known = await btrfsSubvolumes(first.directory);
    result.push(...nestedSubvolumes(known, subvolumes, { root, lookup }));
  }
  return result.toSorted((a, b) => (a.mount < b.mount ? -1 : 1));
};
