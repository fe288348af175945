/** Where the partitions of disks are mounted in the system they belong to: by its fstab, wherever it is. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import type { RunOptions } from '../system/run.ts';
import type { DiskFacts } from './facts.ts';
import { entriesIn, type FoundSystem, findSystem } from './find-system.ts';
import type { MountTable } from './from-disk.ts';
import { type FstabPlaces, fstabPlaces } from './fstab-places.ts';
import { filesType } from './look-inside.ts';
import { type FstabEntry, type Mount, parseFstab, readMounts } from './mounts.ts';
import { type GivenDisk, isSamePlace, type Place, placeName, placesOn } from './places.ts';

/** One file system of the system, and where it belongs. */
export interface SystemMount {
  place: Place;
  mount: string;
  /** As in fstab, subvolumes included; "defaults" when it is not there. */
  options: string;
}

export interface DiskMounts {
  /** Outermost first; those that can be described have one place only. */
  mounts: SystemMount[];
  /** What somebody should know who reads the description; one line each. */
  notes: string[];
  /** File systems that belong to several places, in words; no description can say that. */
  severalPlaces: string[];
  /** The system is on these disks, not only data. */
  hasSystem: boolean;
}

export interface FindMountsOptions extends RunOptions {
  /** Where the system of these disks is mounted. */
  root?: string | undefined;
}

type MountsOf = (place: Place) => readonly Mount[];

/** Mounts of each partition here, by its device's number where it has one. */
const readMountsOf = async (disks: readonly GivenDisk[]): Promise<MountsOf> => {
  const mounts = await readMounts();
  const numbers = new Map<Place['partition'], string>();
  for (const { partition } of placesOn(disks)) {
    const file = join('/sys/class/block', basename(partition.device), 'dev');
    const number = await readFile(file, 'utf8').catch(() => '');
    numbers.set(partition, number.trim());
  }
  const whole = mounts.filter(isWhole);
  return ({ partition }) =>
    whole.filter(
      ({ majorMinor, source }) =>
        source === partition.device || majorMinor === numbers.get(partition),
    );
};

/** Bind mounts of directories say nothing about the layout; subvolumes do. */
const isWhole = ({ root, type, superOptions }: Mount): boolean =>
  root === '/' || (type === 'btrfs' && superOptions.split(',').includes(`subvol=${root}`));

const toPlace = (root: string, { mount }: Mount): string | undefined => {
  const inside = relative(root, mount);
  return inside === '..' || inside.startsWith('../') ? undefined : `/${inside}`;
};

/** Of a btrfs, subvolumes; of the others, the whole. */
const optionsOf = ({ root, type }: Mount): string =>
  type === 'btrfs' && root !== '/' ? `subvol=${root}` : 'defaults';

/** What fstab says of one partition, and what is mounted of it in the system. */
interface Said {
  place: Place;
  entries: readonly FstabEntry[];
  now: readonly SystemMount[];
}

type Decided = Pick<DiskMounts, 'mounts' | 'notes' | 'severalPlaces'>;

const nothing: Decided = { mounts: [], notes: [], severalPlaces: [] };

const copied = (place: Place, why: string): Decided => ({
  ...nothing,
  notes: [`${placeName(place)} ${why}: it is described to be copied byte by byte`],
});

const several = (place: Place, found: readonly SystemMount[]): Decided => ({
  ...nothing,
  mounts: [...found],
  severalPlaces: [
    `${placeName(place)} is on ${found.map(({ mount }) => mount).join(' and ')} by subvolumes`,
  ],
});

const fromEntry = (place: Place, { mount, options }: FstabEntry): SystemMount => ({
  place,
  mount,
  options,
});

/** A system that is mounted: only what is really there can be cloned as files. */
const decideMounted = ({ place, entries, now }: Said, unreadable: string | undefined): Decided => {
  const [first, ...others] = now;
  const isBtrfs = filesType(place) === 'btrfs';
  if (isBtrfs && others.some(({ mount }) => mount !== first?.mount)) return several(place, now);
  const inBoth = entries.find(({ mount }) => now.some((there) => there.mount === mount));
  if (inBoth) return { ...nothing, mounts: [fromEntry(place, inBoth)] };
  const [entry] = entries;
  if (!first) {
    if (unreadable !== undefined) return copied(place, `cannot be read here, ${unreadable}`);
    if (!entry) return copied(place, 'is neither in fstab nor mounted');
    return copied(place, `is not mounted on ${entry.mount}, where fstab has it`);
  }
  const other =
    entry && `${placeName(place)} is on ${first.mount} now, and on ${entry.mount} in fstab`;
  return { ...nothing, mounts: [first], notes: other ? [other] : [] };
};

/** A system nobody runs: what its fstab says, where this machine can read it. */
const decideFound = ({ place, entries }: Said, unreadable: string | undefined): Decided => {
  const [entry, ...others] = entries;
  if (unreadable !== undefined) {
    const where = entry ? ` (${entry.mount} in fstab)` : '';
    return copied(place, `cannot be read here${where}, ${unreadable}`);
  }
  if (!entry) return copied(place, 'is not in fstab');
  const places = entries.map((each) => fromEntry(place, each));
  if (filesType(place) === 'btrfs' && others.length > 0) return several(place, places);
  return { ...nothing, mounts: places.slice(0, 1) };
};

const decide = (
  disks: readonly GivenDisk[],
  { named, elsewhere, assumed }: FstabPlaces,
  nowAt: (place: Place) => SystemMount[],
  how: (said: Said) => Decided,
): Decided => {
  const decided = placesOn(disks)
    .filter(({ partition }) => partition.filesystem !== undefined)
    .map((place): Decided => {
      const type = place.partition.filesystem?.type ?? '';
      if (['swap', 'swsuspend'].includes(type)) return nothing;
      const entries = named
        .filter((each) => isSamePlace(each.place, place) && each.entry.mount.startsWith('/'))
        .map(({ entry }) => entry);
      if (filesType(place) === undefined) return copied(place, 'is nothing ka could make');
      return how({ place, entries, now: nowAt(place) });
    });
  const depth = (mount: string): number => mount.split('/').filter(Boolean).length;
  return {
    mounts: decided
      .flatMap(({ mounts }) => mounts)
      .toSorted((a, b) => depth(a.mount) - depth(b.mount)),
    severalPlaces: decided.flatMap(({ severalPlaces }) => severalPlaces),
    notes: [
      ...decided.flatMap(({ notes }) => notes),
      ...assumed,
      ...elsewhere
        .filter(({ mount }) => mount.startsWith('/'))
        .map(
          ({ mount, source }) => `${mount} of fstab (${source}) is not on these disks: left out`,
        ),
    ],
  };
};

/** Throws `NoSuchRoot`. */
const entriesBelow = async (root: string): Promise<FstabEntry[]> => {
  const found = await stat(root).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new NamedError('NoSuchRoot', `--root ${root}: there is no such directory`);
  }
  if (root !== '/') return (await entriesIn(root)) ?? [];
  return parseFstab(
    await readFile('/etc/fstab', 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    }),
  );
};

type WhyUnreadable = (place: Place) => string | undefined;

const inMounted = async (
  disks: readonly GivenDisk[],
  root: string,
  mountsOf: MountsOf,
  whyNot: WhyUnreadable = () => undefined,
): Promise<DiskMounts> => {
  const nowAt = (place: Place): SystemMount[] =>
    mountsOf(place).flatMap((mount) => {
      const at = toPlace(root, mount);
      return at === undefined ? [] : [{ place, mount: at, options: optionsOf(mount) }];
    });
  const rootPlace = placesOn(disks).find((place) =>
    nowAt(place).some(({ mount }) => mount === '/'),
  );
  const hasSystem = rootPlace !== undefined;
  const of = { entries: await entriesBelow(root), root: rootPlace, runsHere: root === '/' };
  const places = fstabPlaces(disks, of);
  // What else this machine mounts is no matter of disks that only have data.
  const elsewhere = hasSystem || root !== '/' ? places.elsewhere : [];
  const decided = decide(disks, { ...places, elsewhere }, nowAt, (each) =>
    decideMounted(each, whyNot(each.place)),
  );
  return { ...decided, hasSystem };
};

const inFound = (
  disks: readonly GivenDisk[],
  system: FoundSystem,
  whyNot: WhyUnreadable,
): DiskMounts => {
  const { root, subvolume } = system;
  // It is where it was found, whether its fstab says so or not.
  const said = system.entries.find(({ mount }) => mount === '/');
  const entry = said ?? { source: '', mount: '/', type: 'auto', options: 'defaults' };
  const options = subvolume === undefined ? entry.options : `${entry.options},subvol=${subvolume}`;
  const entries = [{ ...entry, options }, ...system.entries.filter((each) => each !== said)];
  const places = fstabPlaces(disks, { entries, root, runsHere: false });
  const decided = decide(
    disks,
    places,
    () => [],
    (each) => decideFound(each, whyNot(each.place)),
  );
  return { ...decided, hasSystem: true };
};

const NOT_BELOW_ROOT = 'nothing of these disks is mounted below --root';

/**
 * Mount points of the partitions of these disks. Their system is the one
 * mounted on `root`; or the running one, when it runs from them; or one that is
 * found by looking into their file systems, read-only. Disks without a system
 * are mounted as this machine has them.
 *
 * Throws `NamedError` `NoSuchRoot`, `SeveralSystems`.
 */
export const findMounts = async (
  disks: readonly GivenDisk[],
  { root, ...options }: FindMountsOptions = {},
): Promise<DiskMounts> => {
  const mountsOf = await readMountsOf(disks);
  if (root !== undefined) {
    const found = await inMounted(disks, await realpath(root).catch(() => root), mountsOf);
    if (found.mounts.length > 0) return found;
    return { ...found, notes: [...found.notes, NOT_BELOW_ROOT] };
  }
  const runsHere = placesOn(disks).some((place) =>
    mountsOf(place).some(({ mount }) => mount === '/'),
  );
  if (runsHere) return inMounted(disks, '/', mountsOf);
  const { system, unreadable } = await findSystem(disks, mountsOf, options);
  const whyNot: WhyUnreadable = (place) =>
    unreadable.find((each) => isSamePlace(each.place, place))?.why;
  return system ? inFound(disks, system, whyNot) : inMounted(disks, '/', mountsOf, whyNot);
};

/** What a description says of subvolumes: a fresh btrfs has only its top. */
const describedOptions = (options: string): { mountOptions?: string } => {
  const left = options.split(',').filter((option) => !/^(defaults$|subvol(id)?=)/.test(option));
  return left.length > 0 ? { mountOptions: left.join(',') } : {};
};

/** The mount points of one of the disks, for `describeDisk`. */
export const mountTable = ({ mounts }: Pick<DiskMounts, 'mounts'>, facts: DiskFacts): MountTable =>
  new Map(
    mounts
      .filter(({ place }) => place.disk.facts === facts)
      .map(({ place, mount, options }) => [
        place.partition.number,
        { mount, ...describedOptions(options) },
      ]),
  );
