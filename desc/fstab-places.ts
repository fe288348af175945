/** Which partitions an fstab(5) means: by UUID, label, partition, link, or the name the disk has there. */
import type { FstabEntry } from './mounts.ts';
import { partitionDevice } from './partition-device.ts';
import { type GivenDisk, isSamePlace, type Place, placeName, placesOn } from './places.ts';

export interface NamedPlace {
  place: Place;
  entry: FstabEntry;
}

export interface FstabPlaces {
  named: NamedPlace[];
  /** Entries of partitions that are on none of the disks, or nothing tells on which. */
  elsewhere: FstabEntry[];
  /** What was taken for granted, for the operator to read. */
  assumed: string[];
}

export interface FstabOf {
  entries: readonly FstabEntry[];
  /** Where the system's root is, when it is on one of the disks. */
  root: Place | undefined;
  /** The system is the running one: its disks have the names they have here. */
  runsHere: boolean;
}

const tags = ['UUID', 'LABEL', 'PARTUUID', 'PARTLABEL'] as const;
type Tag = (typeof tags)[number];

/** udev(7) writes what may not be in a file name as \x20. */
const unlinked = (name: string): string =>
  name.replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );

/** What an fstab's source asks for, as a tag or a link in /dev/disk; undefined for the name of a device. */
export const tagOf = (source: string): { tag: Tag; value: string } | undefined => {
  const link = /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\/(.+)$/.exec(source);
  const [, kind = '', value = ''] = link ?? /^([A-Za-z]+)=(.*)$/.exec(source) ?? [];
  const tag = tags.find((known) => known === kind.toUpperCase());
  return tag && { tag, value: link ? unlinked(value) : value };
};

const hasTag = ({ partition }: Place, { tag, value }: { tag: Tag; value: string }): boolean => {
  const { filesystem, partUuid, name } = partition;
  if (tag === 'LABEL') return value !== '' && value === filesystem?.label;
  if (tag === 'PARTLABEL') return value !== '' && value === name;
  const id = tag === 'UUID' ? filesystem?.uuid : partUuid;
  return id !== undefined && id.toLowerCase() === value.toLowerCase();
};

/** The one partition a tag names. Of several alike the one on the root's disk counts. */
const byTag = (source: string, places: readonly Place[], root?: Place): Place | undefined => {
  const wanted = tagOf(source);
  if (!wanted) return undefined;
  const found = places.filter((place) => hasTag(place, wanted));
  const near = found.filter(({ disk }) => disk === root?.disk);
  const [only, ...others] = found.length > 1 ? near : found;
  return others.length === 0 ? only : undefined;
};

/** What a system that calls this partition number `source` calls the disk: /dev/sda2 → sda. */
const diskNameIn = (source: string, number: number): string | undefined => {
  const name = /^\/dev\/([^/]+)$/.exec(source)?.[1] ?? '';
  const ends = [`p${number}`, `${number}`].filter((end) => name.endsWith(end));
  return ends
    .map((end) => name.slice(0, -end.length))
    .find((disk) => disk !== '' && partitionDevice(disk, number) === name);
};

const byName = (
  source: string,
  places: readonly Place[],
  names: ReadonlyMap<GivenDisk, ReadonlySet<string>>,
): Place | undefined =>
  places.find(({ disk, partition }) =>
    [...(names.get(disk) ?? [])].some(
      (name) => source === `/dev/${partitionDevice(name, partition.number)}`,
    ),
  );

/** Names the system has for the disks, as far as something tells. */
const knownNames = (
  disks: readonly GivenDisk[],
  { entries, root, runsHere }: FstabOf,
): Map<GivenDisk, Set<string>> => {
  const rootSource = entries.find(({ mount }) => mount === '/')?.source ?? '';
  const rootDisk = root && diskNameIn(rootSource, root.partition.number);
  return new Map(
    disks.map((disk) => {
      const own = runsHere ? [disk.facts.device.replace(/^\/dev\//, '')] : [];
      const seen = disk === root?.disk && rootDisk !== undefined ? [rootDisk] : [];
      const said = disk.named && seen.length === 0 ? [disk.facts.name] : [];
      return [disk, new Set([...own, ...said, ...seen])];
    }),
  );
};

const removable = /^\/dev\/(?:cdrom|dvd|sr\d|scd\d|fd\d|floppy)/;

const isPartition = ({ source, options }: FstabEntry): boolean =>
  !options.split(',').includes('noauto') &&
  (tagOf(source) !== undefined || (source.startsWith('/dev/') && !removable.test(source)));

/** What the first disk of a machine is called. */
const firstDisks = /^\/dev\/(sda|hda|vda|xvda|nvme0n1|mmcblk0)p?\d+$/;

const suits = ({ type }: FstabEntry, { partition }: Place): boolean =>
  type === 'auto' || type === partition.filesystem?.type;

/**
 * A system whose root is named by UUID may name other partitions by device. Its
 * only disk is taken for the first one of its machine when all that its fstab
 * says fits that, and nothing in it is on another disk.
 */
const firstDiskName = (
  disks: readonly GivenDisk[],
  { root, entries }: FstabOf,
  { named, elsewhere }: Pick<FstabPlaces, 'named' | 'elsewhere'>,
): string | undefined => {
  const [only, ...others] = disks;
  const rootSource = entries.find(({ mount }) => mount === '/')?.source ?? '';
  if (!only || others.length > 0 || !root || !tagOf(rootSource)) return undefined;
  const names = new Set(elsewhere.map(({ source }) => firstDisks.exec(source)?.[1]));
  const [name, ...more] = names;
  if (name === undefined || more.length > 0) return undefined;
  const places = placesOn(disks);
  const fits = elsewhere.every((entry) => {
    const place = byName(entry.source, places, new Map([[only, new Set([name])]]));
    return (
      place !== undefined &&
      suits(entry, place) &&
      !named.some((other) => isSamePlace(other.place, place))
    );
  });
  return fits ? name : undefined;
};

/** Finds the partition of each entry that has one on these disks. The root is where it was found, whatever its entry says. */
export const fstabPlaces = (disks: readonly GivenDisk[], of: FstabOf): FstabPlaces => {
  const places = placesOn(disks);
  const names = knownNames(disks, of);
  const found = of.entries.map((entry) => ({
    entry,
    place:
      (entry.mount === '/' ? of.root : undefined) ??
      byTag(entry.source, places, of.root) ??
      byName(entry.source, places, names),
  }));
  const named = found.flatMap(({ entry, place }) => (place ? [{ entry, place }] : []));
  const elsewhere = found
    .filter(({ entry, place }) => !place && isPartition(entry))
    .map(({ entry }) => entry);
  const first = elsewhere.length > 0 ? firstDiskName(disks, of, { named, elsewhere }) : undefined;
  if (first === undefined) return { named, elsewhere, assumed: [] };
  const firstNames = new Map(disks.map((disk) => [disk, new Set([first])]));
  const more = elsewhere.flatMap((entry) => {
    const place = byName(entry.source, places, firstNames);
    return place ? [{ entry, place }] : [];
  });
  return {
    named: [...named, ...more],
    elsewhere: [],
    assumed: more
      .filter(({ entry }) => entry.mount.startsWith('/'))
      .map(
        ({ entry: { source, mount }, place }) =>
          `${placeName(place)} is taken for the ${source} that fstab has on ${mount}`,
      ),
  };
};
