/** Describes a disk as it is: the original's fdisk_to_desc. */
import { NamedError } from '../system/named-error.ts';
import type { DiskFacts, PartitionFacts } from './facts.ts';
import { type DiskSpec, type FilesystemSpec, FilesystemType, type PartitionSpec } from './model.ts';
import { extendedTypes, isSwapType } from './partition-types.ts';

/** Where a partition is mounted, by its number. */
export type MountTable = ReadonlyMap<number, { mount: string; mountOptions?: string }>;

export interface DescribeOptions {
  /** The partition at the end of the disk (and of the extended partition) takes the rest of the space. */
  fillLast?: boolean;
  mounts?: MountTable;
}

/**
 * Description of a disk with a msdos or gpt table, partitions in the order
 * they lie on the disk. Mounted ones get content `files`, swap is made anew,
 * everything else with data is copied raw. Throws `NamedError` `NoTable`.
 */
export const describeDisk = (
  facts: DiskFacts,
  { fillLast = false, mounts = new Map() }: DescribeOptions = {},
): DiskSpec => {
  const { name, device, table, partitions } = facts;
  if (table === 'none' || table === 'other') {
    const what = table === 'none' ? 'no partition table' : 'a table that is neither msdos nor gpt';
    throw new NamedError('NoTable', `${device} has ${what}; nothing to describe`);
  }
  if (partitions.length === 0) {
    throw new NamedError('NoTable', `${device} has no partitions; nothing to describe`);
  }
  const sorted = partitions.toSorted((a, b) => a.startSector - b.startSector);
  const specs = sorted.map((partition) => toSpec(facts, table, partition, mounts));
  return { name, table, partitions: fillLast ? withFill(specs) : specs };
};

const toSpec = (
  facts: DiskFacts,
  table: DiskSpec['table'],
  partition: PartitionFacts,
  mounts: MountTable,
): PartitionSpec => {
  const { number, sizeSectors, type, name, flags } = partition;
  const isExtended = table === 'msdos' && extendedTypes.includes(type);
  const role = isExtended ? 'extended' : table === 'msdos' && number > 4 ? 'logical' : 'primary';
  return {
    number,
    role,
    size: { kind: 'bytes', bytes: sizeSectors * facts.sectorBytes },
    type,
    ...(name ? { name } : {}),
    flags: isExtended ? [] : flags,
    ...(isExtended ? { content: 'empty' } : use(table, partition, mounts.get(number))),
  };
};

const use = (
  table: DiskSpec['table'],
  { type, filesystem }: PartitionFacts,
  mounted: { mount: string; mountOptions?: string } | undefined,
): Pick<PartitionSpec, 'filesystem' | 'mount' | 'mountOptions' | 'content'> => {
  const isSwap = filesystem?.type === 'swap' || filesystem?.type === 'swsuspend';
  if (isSwap || (isSwapType(table, type) && !filesystem)) {
    return { filesystem: { type: 'swap', options: [], ...labelOf(filesystem) }, content: 'empty' };
  }
  if (!filesystem) return { content: 'empty' };
  const known = FilesystemType.safeParse(filesystem.type);
  if (!known.success || mounted === undefined) return { content: 'raw' };
  return {
    filesystem: { type: known.data, options: [], ...labelOf(filesystem) },
    ...mounted,
    content: 'files',
  };
};

const labelOf = (filesystem: PartitionFacts['filesystem']): Pick<FilesystemSpec, 'label'> =>
  filesystem?.label ? { label: filesystem.label } : {};

const withFill = (partitions: readonly PartitionSpec[]): PartitionSpec[] => {
  const last = partitions.findLast(({ role }) => role !== 'logical');
  const inner = partitions.findLast(({ role }) => role === 'logical');
  return partitions.map((partition) => {
    const fills = partition === last || (last?.role === 'extended' && partition === inner);
    return fills ? { ...partition, size: { kind: 'fill' } } : partition;
  });
};
