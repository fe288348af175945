/** A plan as people read it: what lies on each sector, and what it gets. */
import type { DiskPlan, PartitionPlan } from './clone-plan.ts';
import { partitionDevice } from './partition-device.ts';
import { typeName } from './partition-types.ts';
import { shownBytes } from './sizes.ts';

interface Region {
  start: number;
  /** Last sector. */
  end: number;
  what: string;
}

/** Lines for the terminal: the disk, then every range of sectors from the first to the last. */
export const describePlan = (plan: DiskPlan): string[] => {
  const { name, device, sizeBytes, sectorBytes, table, tableId, keepsData } = plan;
  const total = Math.floor(sizeBytes / sectorBytes);
  const kept = keepsData ? ', keeps data' : '';
  const title =
    `${name} = ${device}: ${shownBytes(sizeBytes)}, ${total} sectors of ${sectorBytes} bytes, ` +
    `${table} table ${tableId}${kept}`;
  const regions = withFree(plan, total);
  const width = String(total).length;
  const rows = regions.map(({ start, end, what }) => {
    const range = `${String(start).padStart(width)} - ${String(end).padStart(width)}`;
    return `  ${range}  ${shownBytes((end - start + 1) * sectorBytes).padStart(11)}  ${what}`;
  });
  return [title, ...rows];
};

const withFree = (plan: DiskPlan, total: number): Region[] => {
  const partitions = plan.partitions.toSorted(
    (a, b) => a.startSector - b.startSector || b.sizeSectors - a.sizeSectors,
  );
  const regions: Region[] = [...tableRegions(plan, total)];
  for (const partition of partitions) {
    const { startSector, sizeSectors } = partition;
    const what = describePartition(plan, partition);
    regions.push({ start: startSector, end: startSector + sizeSectors - 1, what });
  }
  const covering = regions.filter(({ what }) => !what.includes(EXTENDED));
  return [...regions, ...freeRegions(plan, covering, total)].toSorted(
    (a, b) => a.start - b.start || b.end - a.end,
  );
};

const freeRegions = (plan: DiskPlan, covering: readonly Region[], total: number): Region[] => {
  const found: Region[] = [];
  let cursor = 0;
  for (const { start, end } of covering.toSorted((a, b) => a.start - b.start)) {
    if (start > cursor) found.push(...splitAtExtended(plan, cursor, start));
    cursor = end + 1;
  }
  if (cursor < total) found.push(...splitAtExtended(plan, cursor, total));
  return found;
};

/** Free space inside and outside the extended partition is not the same thing. */
const splitAtExtended = (plan: DiskPlan, start: number, end: number): Region[] => {
  const holder = plan.partitions.find(({ role }) => role === 'extended');
  const borders = holder ? [holder.startSector, holder.startSector + holder.sizeSectors] : [];
  const cuts = [start, ...borders.filter((border) => border > start && border < end), end];
  return cuts.slice(1).map((cut, index) => {
    const from = cuts[index] ?? start;
    return { start: from, end: cut - 1, what: free(plan, from, cut) };
  });
};

const EXTENDED = 'extended partition';

const tableRegions = ({ table, sectorBytes }: DiskPlan, total: number): Region[] => {
  if (table === 'msdos') return [{ start: 0, end: 0, what: 'boot code and partition table' }];
  const entries = Math.ceil((128 * 128) / sectorBytes);
  return [
    { start: 0, end: 1 + entries, what: 'boot code and partition table' },
    { start: total - 1 - entries, end: total - 1, what: 'second copy of the partition table' },
  ];
};

const free = ({ partitions }: DiskPlan, start: number, end: number): string => {
  const holder = partitions.find(({ role }) => role === 'extended');
  const inside =
    holder && start >= holder.startSector && end <= holder.startSector + holder.sizeSectors;
  const before = partitions.some((part) => part.role === 'logical' && part.startSector === end);
  return inside && before ? 'table of the logical partition that follows' : 'free';
};

const describePartition = (plan: DiskPlan, partition: PartitionPlan): string => {
  const { number, role, type, name, flags, filesystem, mount, mountOptions } = partition;
  const device = partitionDevice(plan.device, number);
  if (role === 'extended') return `${device} ${EXTENDED}`;
  const words = [
    `${device} ${role === 'logical' ? 'logical ' : ''}${typeName(plan.table, type)}`,
    name && `name "${name}"`,
    flags.length > 0 && `flags ${flags.join(' ')}`,
    filesystem && `mkfs ${filesystem.type} ${[...filesystem.options, filesystem.uuid].join(' ')}`,
    filesystem?.label && `label "${filesystem.label}"`,
    mount && `on ${mount}${mountOptions ? ` (${mountOptions})` : ''}`,
    contentText(partition),
  ];
  return words.filter(Boolean).join(', ');
};

const contentText = ({ content, golden, filesystem, mount }: PartitionPlan): string => {
  const from = golden ? ` of the golden's ${golden.device}` : ' of the golden';
  if (content === 'files' && !filesystem && mount === undefined) {
    return `file system, mount point and files as on the golden`;
  }
  if (content === 'files') return `files${from}`;
  if (content === 'raw') return `raw copy${from}`;
  return content === 'keep' ? 'kept as it is' : 'empty';
};
