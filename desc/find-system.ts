/** Finds the system on disks that nobody runs from: the file system with an etc/fstab. */
import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import { type RunOptions, run } from '../system/run.ts';
import { fstabPlaces } from './fstab-places.ts';
import { filesType, lookInside } from './look-inside.ts';
import { type FstabEntry, type Mount, parseFstab } from './mounts.ts';
import { type GivenDisk, isSamePlace, type Place, placeName, placesOn } from './places.ts';

export interface FoundSystem {
  root: Place;
  /** Of a btrfs, when the system is not in what one sees without asking: "@". */
  subvolume: string | undefined;
  entries: FstabEntry[];
}

export interface SystemSearch {
  system: FoundSystem | undefined;
  /** Why a partition could not be looked into. */
  unreadable: readonly { place: Place; why: string }[];
}

/** No fstab is larger. */
const MOST_FSTAB_BYTES = 1024 * 1024;

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Text of an fstab in a file system that is not trusted: no links, no devices, no giants. Empty when there is none. */
const readFstab = async (root: string): Promise<string> => {
  const path = join(root, 'etc/fstab');
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile() || found.size > MOST_FSTAB_BYTES) return '';
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
};

const systemMarks = ['etc/fstab', 'etc/os-release', 'usr/lib/os-release'];

/** The fstab of a system in this directory; undefined when there is no system. */
export const entriesIn = async (root: string): Promise<FstabEntry[] | undefined> => {
  const etc = await lstat(join(root, 'etc')).catch(() => undefined);
  if (!etc?.isDirectory()) return undefined;
  const marks = await Promise.all(systemMarks.map((mark) => isThere(join(root, mark))));
  return marks.includes(true) ? parseFstab(await readFstab(root)) : undefined;
};

/** Systems have few; more are the snapshots of one. */
const MOST_SUBVOLUMES = 1000;

const subvolumeOf = ({ options }: FstabEntry): string | undefined =>
  /(?:^|,)subvol=\/?([^,]*)/.exec(options)?.[1];

/** A system in a subvolume whose own fstab says so; snapshots of it say the same of another one. */
const inSubvolume = async (
  place: Place,
  options: RunOptions,
): Promise<Omit<FoundSystem, 'root'> | undefined> =>
  lookInside(
    place,
    async (top) => {
      const { stdout } = await run('btrfs', ['subvolume', 'list', top], options);
      const paths = stdout.split('\n').flatMap((line) => / path (.+)$/.exec(line)?.[1] ?? []);
      for (const subvolume of paths.slice(0, MOST_SUBVOLUMES)) {
        const entries = await entriesIn(join(top, subvolume));
        const root = entries?.find(({ mount }) => mount === '/');
        if (entries && root && subvolumeOf(root) === subvolume) return { subvolume, entries };
      }
      return undefined;
    },
    { ...options, subvolume: '/' },
  );

type Looked = { system?: FoundSystem; why?: string };

/** Looks where it is mounted already, else mounts it for that. */
const lookAt = async (
  place: Place,
  mounts: readonly Mount[],
  options: RunOptions,
): Promise<Looked> => {
  const [mounted] = mounts;
  if (mounted) {
    const entries = await entriesIn(mounted.mount);
    const subvolume = mounted.root === '/' ? undefined : mounted.root.slice(1);
    return entries ? { system: { root: place, subvolume, entries } } : {};
  }
  try {
    const entries = await lookInside(place, entriesIn, options);
    if (entries) return { system: { root: place, subvolume: undefined, entries } };
    const inside = filesType(place) === 'btrfs' ? await inSubvolume(place, options) : undefined;
    return inside ? { system: { root: place, ...inside } } : {};
  } catch (error) {
    if (!(error instanceof NamedError) || error.code !== 'FilesystemUnreadable') throw error;
    return { why: error.message };
  }
};

/** Whether its fstab has on / what it was found on: a backup of a system does not. */
const isItself = (disks: readonly GivenDisk[], { root, entries }: FoundSystem): boolean =>
  fstabPlaces(disks, { entries, root: undefined, runsHere: false }).named.some(
    ({ entry, place }) => entry.mount === '/' && isSamePlace(place, root),
  );

/**
 * Looks into every file system of these disks. `mountsOf` tells where one is
 * mounted on this machine. Throws `SeveralSystems`.
 */
export const findSystem = async (
  disks: readonly GivenDisk[],
  mountsOf: (place: Place) => readonly Mount[],
  options: RunOptions,
): Promise<SystemSearch> => {
  const systems: FoundSystem[] = [];
  const unreadable: { place: Place; why: string }[] = [];
  for (const place of placesOn(disks)) {
    if (filesType(place) === undefined) continue;
    const { system, why } = await lookAt(place, mountsOf(place), options);
    if (system) systems.push(system);
    if (why !== undefined) unreadable.push({ place, why });
  }
  const sure = systems.length > 1 ? systems.filter((system) => isItself(disks, system)) : systems;
  const [system, ...others] = sure;
  if (others.length === 0 && (system || systems.length === 0)) return { system, unreadable };
  const names = systems.map(({ root }) => placeName(root)).join(' and ');
  throw new NamedError(
    'SeveralSystems',
    `there is a system on ${names}; mount the one to be cloned and say where: --root DIR`,
  );
};
