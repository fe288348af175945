/** Rules that hold for any disk description, whatever file it came from. */
import { isPrintable } from '../system/printable.ts';
import { isCleanPath } from './clean-path.ts';
import type { Description, DiskSpec, FilesystemType, PartitionSpec } from './model.ts';
import { extendedTypes, isSwapType } from './partition-types.ts';
import { MIB, shownBytes } from './sizes.ts';

export interface StructureProblem {
  /** Index in `DiskSpec.partitions`; null = the disk as a whole. */
  partition: number | null;
  field?: string;
  reason: string;
}

type Found = (partition: number | null, reason: string, field?: string) => void;

/** Space before each logical partition for its own table (EBR) at 1 MiB alignment, in bytes. */
export const LOGICAL_GAP_BYTES = MIB;

/** Longest label in bytes, by the mkfs tools' manual pages (mkswap cuts at 15). */
const labelBytes: Record<FilesystemType, number> = {
  ext2: 16,
  ext3: 16,
  ext4: 16,
  xfs: 12,
  btrfs: 255,
  vfat: 11,
  swap: 15,
  jfs: 16,
  reiserfs: 16,
};

/** Everything that is wrong with one disk, in the order of its partitions as far as possible. */
export const diskProblems = (disk: DiskSpec): StructureProblem[] => {
  const problems: StructureProblem[] = [];
  const found: Found = (partition, reason, field) =>
    problems.push({ partition, reason, ...(field ? { field } : {}) });
  if (disk.partitions.length === 0) found(null, 'no partition at all; describe at least one');
  if (disk.table === 'msdos') msdosRules(disk.partitions, found);
  else gptRules(disk.partitions, found);
  numberRules(disk, found);
  for (const level of levels(disk.partitions)) spaceRules(level, disk.partitions, found);
  for (const [index, partition] of disk.partitions.entries()) {
    partitionRules(disk.table, partition, (reason, field) => found(index, reason, field));
  }
  return problems;
};

/** What is wrong between the disks of a description: the same disk or mount point twice. */
export const crossProblems = (
  description: Description,
): (StructureProblem & { disk: number })[] => {
  const problems: (StructureProblem & { disk: number })[] = [];
  const names = new Set<string>();
  const mounts = new Map<string, string>();
  for (const [index, disk] of description.disks.entries()) {
    if (names.has(disk.name)) {
      const reason = `disk ${disk.name} is described twice; keep one`;
      problems.push({ disk: index, partition: null, field: 'name', reason });
    }
    names.add(disk.name);
    for (const [at, { mount, number }] of disk.partitions.entries()) {
      if (mount === undefined) continue;
      const other = mounts.get(mount);
      const reason = `${mount} is already the mount point of ${other}; give each its own`;
      if (other) problems.push({ disk: index, partition: at, field: 'mount', reason });
      mounts.set(mount, `${disk.name} partition ${number}`);
    }
  }
  return problems;
};

/** The same host name, MAC address or address of two nodes: only one of them could ever be meant. */
export const nodeProblems = (
  nodes: Description['nodes'],
): { node: number; field: string; reason: string }[] => {
  const taken = new Map<string, number>();
  return nodes.flatMap(({ name, mac, address }, node) => {
    const marks = { name: name.toLowerCase(), mac, address: address?.toLowerCase() };
    return Object.entries(marks).flatMap(([field, value]) => {
      if (value === undefined) return [];
      const key = `${field} ${value}`;
      const other = taken.get(key);
      if (other === undefined) taken.set(key, node);
      const what = field === 'mac' ? 'MAC address' : field === 'name' ? 'host name' : field;
      const reason = `${what} ${value} is already that of node ${(other ?? 0) + 1} of the list; give each its own`;
      return other === undefined ? [] : [{ node, field, reason }];
    });
  });
};

const msdosRules = (partitions: readonly PartitionSpec[], found: Found): void => {
  let primaries = 0;
  let extended = 0;
  let active = 0;
  const holder = partitions.find(({ role }) => role === 'extended');
  for (const [index, { role, flags, content }] of partitions.entries()) {
    if (role === 'logical') {
      if (content === 'keep' && holder && holder.content !== 'keep') {
        found(index, 'kept logical partition in a new extended one; keep that too', 'content');
      }
      if (extended === 0) found(index, holder ? LOGICAL_BEFORE : LOGICAL_ALONE);
    } else {
      primaries += 1;
      if (primaries > 4) found(index, TOO_MANY_PRIMARIES);
    }
    if (role === 'extended') {
      extended += 1;
      if (extended > 1) found(index, 'second extended partition; an msdos table has one at most');
    }
    if (flags.includes('boot')) active += 1;
    if (active > 1 && flags.includes('boot')) {
      found(index, 'second partition with the boot flag; leave it on one', 'flags');
    }
  }
};

const LOGICAL_ALONE =
  'logical partition, but no extended one to hold it; add an extended line before it';
const LOGICAL_BEFORE =
  'logical partition before the extended one that holds it; move it below the extended line';
const TOO_MANY_PRIMARIES =
  'more than four primary (or extended) partitions; an msdos table holds four: make the rest logical';

const gptRules = (partitions: readonly PartitionSpec[], found: Found): void => {
  for (const [index, { role }] of partitions.entries()) {
    if (role !== 'primary') found(index, `a gpt table has no ${role} partitions; leave that out`);
  }
  if (partitions.length > 128) found(128, 'more than 128 partitions; a gpt table holds 128');
};

const numberRules = ({ table, partitions }: DiskSpec, found: Found): void => {
  const seen = new Set<number>();
  const primaries = partitions.filter(({ role }) => role !== 'logical').length;
  let nextLogical = 5;
  for (const [index, { number, role }] of partitions.entries()) {
    if (table === 'msdos' && role === 'logical') {
      if (number !== nextLogical) {
        const reason = `logical partition with number ${number}; they count 5, 6, 7 … in order, so this one is ${nextLogical}`;
        found(index, reason, 'number');
      }
      nextLogical += 1;
    } else if (table === 'msdos' && number > 4) {
      // With more than four of them the count is the trouble, and already said.
      const reason = `${role} partition with number ${number}; on msdos these are 1 to 4`;
      if (primaries <= 4) found(index, reason, 'number');
    } else if (seen.has(number)) {
      found(index, `partition number ${number} is used twice; give each its own`, 'number');
    }
    seen.add(number);
  }
};

/** Partitions that share one space: those of the table itself, and those inside the extended one. */
const levels = (partitions: readonly PartitionSpec[]): PartitionSpec[][] => [
  partitions.filter(({ role }) => role !== 'logical'),
  partitions.filter(({ role }) => role === 'logical'),
];

const spaceRules = (
  level: readonly PartitionSpec[],
  partitions: readonly PartitionSpec[],
  found: Found,
): void => {
  const made = level.filter(({ content }) => content !== 'keep');
  const [first, ...rest] = made.filter(({ size }) => size.kind === 'fill');
  for (const partition of rest) {
    const reason = `second fill beside partition ${first?.number}; only one can take the rest, give the other a size`;
    found(partitions.indexOf(partition), reason, 'size');
  }
  const percent = made.reduce(
    (sum, { size }) => sum + (size.kind === 'percent' ? size.percent : 0),
    0,
  );
  const last = made.findLast(({ size }) => size.kind === 'percent');
  if (percent > 100 && last) {
    const reason = `the percentages add up to ${percent}%; 100% is all there is`;
    found(partitions.indexOf(last), reason, 'size');
  }
  const holder = partitions.find(({ role }) => role === 'extended');
  const inside = level.every(({ role }) => role === 'logical');
  if (inside && holder?.size.kind === 'bytes') insideRule(level, holder, partitions, found);
};

const insideRule = (
  logicals: readonly PartitionSpec[],
  holder: PartitionSpec,
  partitions: readonly PartitionSpec[],
  found: Found,
): void => {
  if (holder.size.kind !== 'bytes') return;
  const needed = logicalBytes(logicals);
  if (logicals.length === 0 || needed <= holder.size.bytes) return;
  const reason =
    `extended partition of ${shownBytes(holder.size.bytes)}, but its logical ones need ${shownBytes(needed)} ` +
    '(1 MiB more than its size for each); enlarge it, or use fill';
  found(partitions.indexOf(holder), reason, 'size');
};

/** Least size in bytes of an extended partition that holds these logical ones. */
export const logicalBytes = (logicals: readonly PartitionSpec[]): number =>
  logicals.reduce((sum, { size }) => {
    const bytes = size.kind === 'bytes' ? Math.ceil(size.bytes / MIB) * MIB : MIB;
    return sum + bytes + LOGICAL_GAP_BYTES;
  }, 0);

type FoundHere = (reason: string, field?: string) => void;

const partitionRules = (
  table: DiskSpec['table'],
  partition: PartitionSpec,
  found: FoundHere,
): void => {
  typeRules(table, partition, found);
  flagRules(table, partition, found);
  filesystemRules(partition, found);
  mountRules(partition, found);
};

const typeRules = (
  table: DiskSpec['table'],
  { role, type, name, content }: PartitionSpec,
  found: FoundHere,
): void => {
  const isExtended = table === 'msdos' && extendedTypes.includes(type);
  if (isExtended && role !== 'extended') {
    found(`type ${type} is an extended partition; write it as extended`, 'type');
  }
  if (role === 'extended' && !isExtended) {
    found(`extended partition of type ${type}; its type is 05 or 0F`, 'type');
  }
  if (role === 'extended' && content !== 'empty' && content !== 'keep') {
    found(`extended partition with content ${content}; it only holds the logical ones`, 'content');
  }
  if (table === 'msdos' && name !== undefined) {
    found('an msdos table has no partition names; remove it, or use gpt', 'name');
  }
};

const gptFlag = /^(?:RequiredPartition|NoBlockIOProtocol|LegacyBIOSBootable|4[89]|5\d|6[0-3])$/;

const flagRules = (
  table: DiskSpec['table'],
  { flags, role }: PartitionSpec,
  found: FoundHere,
): void => {
  for (const flag of flags) {
    const known = table === 'msdos' ? flag === 'boot' : gptFlag.test(flag);
    if (!known) found(`a ${table} table has no flag ${flag}; remove it`, 'flags');
  }
  if (new Set(flags).size !== flags.length) found('the same flag twice; keep one', 'flags');
  if (role === 'extended' && flags.length > 0) found('flags on an extended partition', 'flags');
};

const filesystemRules = (
  { filesystem, content, mount, role, type }: PartitionSpec,
  found: FoundHere,
): void => {
  if (!filesystem) return;
  if (role === 'extended') found('file system on an extended partition; remove it', 'filesystem');
  if (content === 'raw' || content === 'keep') {
    const reason = `content ${content} brings its own file system; remove filesystem, or use files or empty`;
    found(reason, 'filesystem');
  }
  if (filesystem.type === 'swap') {
    if (mount !== undefined) found('swap has no mount point; remove mount', 'mount');
    if (content === 'files') found('swap holds no files; use content empty', 'content');
  } else if (isSwapType('msdos', type) || isSwapType('gpt', type)) {
    found(`${filesystem.type} on a partition of type swap; change one of them`, 'type');
  }
  labelRules(filesystem.type, filesystem.label, found);
};

const labelRules = (type: FilesystemType, label: string | undefined, found: FoundHere): void => {
  if (label === undefined) return;
  const bytes = Buffer.byteLength(label);
  if (bytes === 0) found('empty label; remove it', 'filesystem');
  if (bytes > labelBytes[type]) {
    const reason = `label "${label}" has ${bytes} bytes; ${type} holds ${labelBytes[type]}`;
    found(reason, 'filesystem');
  }
  if (!isPrintable(label)) found('control character in the label; remove it', 'filesystem');
};

const mountRules = (
  { mount, mountOptions, content, filesystem, role }: PartitionSpec,
  found: FoundHere,
): void => {
  if (mount === undefined) {
    if (mountOptions !== undefined) found('mountOptions without mount; add mount', 'mountOptions');
    if (content === 'files' && filesystem) {
      found('content files, but no mount point to take them from; add mount', 'content');
    }
    return;
  }
  if (role === 'extended') found('mount point of an extended partition; remove it', 'mount');
  if (!isCleanPath(mount)) {
    found(`mount point ${JSON.stringify(mount)} is not a plain absolute path like /home`, 'mount');
  }
  if (!filesystem && (content === 'files' || content === 'empty')) {
    found(`${mount} has no file system to be mounted; add filesystem`, 'mount');
  }
};
