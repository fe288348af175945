/** Where each partition of a description goes on a given disk. */
import { NamedError } from '../system/named-error.ts';
import { diskTitle } from './disk-refusal.ts';
import type { DiskFacts, PartitionFacts } from './facts.ts';
import {
  alignUp,
  layOut,
  leastSpace,
  type Place,
  type Shortage,
  type Space,
  type Wish,
} from './layout.ts';
import type { DiskSpec, PartitionSpec } from './model.ts';
import { MIB, shownApart, shownBytes } from './sizes.ts';
import { LOGICAL_GAP_BYTES } from './structure.ts';

/** msdos counts sectors in 32 bits. */
const MSDOS_SECTORS = 2 ** 32;

/** gpt keeps a second header (one sector) and 128 entries of 128 bytes at the end (UEFI 2.10, 5.3). */
const GPT_ENTRIES_BYTES = 128 * 128;

/**
 * Start and size in sectors, by partition number. Everything new starts at a
 * multiple of 1 MiB, whatever the sector size.
 *
 * Throws `NamedError`: `DiskTooSmall`, `MsdosTooLarge`, `KeepMismatch`.
 */
export const placePartitions = (spec: DiskSpec, facts: DiskFacts): Map<number, Place> => {
  const disk: Disk = { spec, facts, title: diskTitle(spec, facts), align: MIB / facts.sectorBytes };
  const outer = spec.partitions.filter(({ role }) => role !== 'logical');
  const inner = spec.partitions.filter(({ role }) => role === 'logical');
  const gap = LOGICAL_GAP_BYTES / facts.sectorBytes;
  const innerWishes = inner.map((partition) => toWish(disk, partition, disk.align));
  const innerLeast = leastSpace(innerWishes, disk.align, gap);
  const outerWishes = outer.map((partition) =>
    toWish(disk, partition, partition.role === 'extended' ? innerLeast : disk.align),
  );

  const whole = wholeSpace(disk);
  const outerPlaces = layOut(outerWishes, whole);
  if (!Array.isArray(outerPlaces)) throw tooSmall(disk, outer, outerPlaces, whole);
  const places = new Map(zip(outer, outerPlaces));

  const holder = outer.find(({ role }) => role === 'extended');
  const held = holder && places.get(holder.number);
  if (held) {
    const space: Space = {
      start: held.start,
      end: held.start + held.sectors,
      align: disk.align,
      gap,
    };
    const innerPlaces = layOut(innerWishes, space);
    if (!Array.isArray(innerPlaces)) throw extendedTooSmall(disk, holder, innerPlaces);
    for (const [number, place] of zip(inner, innerPlaces)) places.set(number, place);
  }
  checkMsdosReach(disk, places);
  return places;
};

interface Disk {
  spec: DiskSpec;
  facts: DiskFacts;
  title: string;
  /** Sectors in 1 MiB. */
  align: number;
}

const zip = (partitions: readonly PartitionSpec[], places: readonly Place[]): [number, Place][] =>
  partitions.flatMap(({ number }, index) => {
    const place = places[index];
    return place ? [[number, place]] : [];
  });

const wholeSpace = ({ spec, facts, align }: Disk): Space => {
  const total = Math.floor(facts.sizeBytes / facts.sectorBytes);
  return { start: align, end: total - tailSectors(spec, facts), align, gap: 0 };
};

/** Sectors at the end of the disk that belong to the table. */
const tailSectors = ({ table }: DiskSpec, { sectorBytes }: DiskFacts): number =>
  table === 'gpt' ? 1 + Math.ceil(GPT_ENTRIES_BYTES / sectorBytes) : 0;

const toWish = (disk: Disk, partition: PartitionSpec, least: number): Wish => {
  const { size, content } = partition;
  if (content === 'keep') {
    const { startSector, sizeSectors } = keptPartition(disk, partition);
    return { kind: 'at', start: startSector, sectors: sizeSectors };
  }
  if (size.kind === 'bytes') {
    return { kind: 'fixed', sectors: Math.ceil(size.bytes / disk.facts.sectorBytes) };
  }
  return size.kind === 'fill'
    ? { kind: 'fill', least }
    : { kind: 'percent', percent: size.percent, least };
};

/** The partition on the disk that is to be kept. Throws `KeepMismatch`. */
export const keptPartition = (
  { spec, facts, title }: Pick<Disk, 'spec' | 'facts' | 'title'>,
  { number, size }: PartitionSpec,
): PartitionFacts => {
  const refuse = (why: string): NamedError =>
    new NamedError(
      'KeepMismatch',
      `${title}: partition ${number} is to be kept, but ${why}; correct the description or the disk`,
    );
  if (facts.table !== spec.table) {
    const there = facts.table === 'none' ? 'no partition table' : `a table of kind ${facts.table}`;
    throw refuse(`the disk has ${there}, not ${spec.table}`);
  }
  const there = facts.partitions.find((partition) => partition.number === number);
  if (!there) throw refuse('the disk has no such partition');
  const bytes = there.sizeSectors * facts.sectorBytes;
  // A size in whole MiB (classic, or typed) stands for the partition it was read from.
  if (size.kind === 'bytes' && Math.abs(size.bytes - bytes) >= MIB) {
    throw refuse(`it has ${shownBytes(bytes)}, not ${shownBytes(size.bytes)}`);
  }
  return there;
};

const tooSmall = (
  disk: Disk,
  outer: readonly PartitionSpec[],
  { first, needed, available }: Shortage,
  whole: Space,
): NamedError => {
  const { facts, spec, title } = disk;
  const kept = outer.slice(first).find(({ content }) => content === 'keep');
  const earlier = outer.slice(0, first).some(({ content }) => content === 'keep');
  if (!kept && !earlier) {
    // Told as disk sizes, so that it can be compared with what is on the label.
    const sectors = alignUp(whole.start + needed + tailSectors(spec, facts), whole.align);
    const [has, needs] = shownApart(facts.sizeBytes, sectors * facts.sectorBytes);
    return new NamedError(
      'DiskTooSmall',
      `${title} has ${has}, but the description needs ${needs}; make partitions smaller or use a larger disk`,
    );
  }
  const where = kept ? `before the kept partition ${kept.number}` : 'after the last kept partition';
  const [has, needs] = apart(disk, available, needed);
  return new NamedError(
    'DiskTooSmall',
    `${title} has ${has} ${where}, but the description needs ${needs} there; make partitions smaller or change their order`,
  );
};

const extendedTooSmall = (
  disk: Disk,
  { number }: PartitionSpec,
  shortage: Shortage,
): NamedError => {
  const [has, needs] = apart(disk, shortage.available, shortage.needed);
  return new NamedError(
    'DiskTooSmall',
    `${disk.title}: the extended partition ${number} has ${has} for its logical ones, which need ${needs} (1 MiB more than their size each); enlarge it or make them smaller`,
  );
};

const apart = ({ facts }: Disk, available: number, needed: number): [string, string] =>
  shownApart(Math.max(available, 0) * facts.sectorBytes, needed * facts.sectorBytes);

const checkMsdosReach = ({ spec, facts, title }: Disk, places: Map<number, Place>): void => {
  if (spec.table !== 'msdos') return;
  for (const [number, { start, sectors }] of places) {
    if (start + sectors <= MSDOS_SECTORS) continue;
    const most = shownBytes(MSDOS_SECTORS * facts.sectorBytes);
    throw new NamedError(
      'MsdosTooLarge',
      `${title}: partition ${number} would end beyond ${most}, where an msdos table ends (the disk has ${shownBytes(facts.sizeBytes)}); use table gpt, or give sizes that end before`,
    );
  }
};
