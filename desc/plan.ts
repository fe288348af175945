/** From a description and the facts of a disk to what is written on it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { NamedError } from '../system/named-error.ts';
import type { DiskPlan, PartitionPlan } from './clone-plan.ts';
import { diskTitle, refuseUntouchable } from './disk-refusal.ts';
import type { DiskFacts } from './facts.ts';
import { checkFit } from './fit.ts';
import { type GoldenRef, type GoldenRefs, goldenKey } from './golden-disk.ts';
import type { Place } from './layout.ts';
import type { DiskSpec, FilesystemType, PartitionSpec } from './model.ts';
import { keptPartition, placePartitions } from './place-partitions.ts';
import { msdosPartUuid } from './sfdisk-table.ts';

export { describePlan } from './describe-plan.ts';
export { planToSfdisk } from './sfdisk-script.ts';

export interface PlanExtra {
  /** From `completeFromGolden`; without it sizes are not compared with the golden's. */
  refs?: GoldenRefs;
}

/**
 * Works out one disk of one node: sectors, new ids, and what each partition
 * gets. Nothing is read or written; two calls differ in the ids only. Table
 * and partition ids stay what they are where a partition is kept.
 *
 * Throws `NamedError`: `DiskReadOnly`, `DiskInUse`, `DiskMismatch`,
 * `DiskTooSmall`, `MsdosTooLarge`, `KeepMismatch`, `PartitionTooSmall`,
 * `SectorSizeMismatch`.
 */
export const planDisk = (
  spec: DiskSpec,
  facts: DiskFacts,
  { refs = new Map() }: PlanExtra = {},
): DiskPlan => {
  refuseUntouchable(spec, facts);
  const keepsData = spec.partitions.some(({ content }) => content === 'keep');
  const places = placePartitions(spec, facts);
  const tableId = (keepsData ? facts.tableId : undefined) ?? newTableId(spec.table);
  return {
    name: spec.name,
    device: facts.device,
    sizeBytes: facts.sizeBytes,
    sectorBytes: facts.sectorBytes,
    ...(facts.serial === undefined ? {} : { serial: facts.serial }),
    table: spec.table,
    tableId,
    keepsData,
    partitions: spec.partitions.flatMap((partition) => {
      const place = places.get(partition.number);
      const golden = refs.get(goldenKey(spec.name, partition.number));
      return place ? [planPartition(spec, facts, partition, place, tableId, golden)] : [];
    }),
  };
};

const planPartition = (
  spec: DiskSpec,
  facts: DiskFacts,
  partition: PartitionSpec,
  place: Place,
  tableId: string,
  golden: GoldenRef | undefined,
): PartitionPlan => {
  const { number, role, filesystem, mount, mountOptions, content } = partition;
  const title = diskTitle(spec, facts);
  checkFit(title, partition, place.sectors * facts.sectorBytes, golden);
  checkSectorSize(title, partition, facts, golden);
  const kept = content === 'keep' ? keptPartition({ spec, facts, title }, partition) : undefined;
  const { type, name, flags } = kept ?? partition;
  const partUuid =
    spec.table === 'msdos' ? msdosPartUuid(tableId, number) : (kept?.partUuid ?? randomUUID());
  return {
    number,
    role,
    startSector: place.start,
    sizeSectors: place.sectors,
    type,
    ...(name === undefined ? {} : { name }),
    flags,
    partUuid,
    ...(filesystem === undefined
      ? {}
      : { filesystem: { ...filesystem, uuid: newFilesystemUuid(filesystem.type) } }),
    ...(mount === undefined ? {} : { mount }),
    ...(mountOptions === undefined ? {} : { mountOptions }),
    content,
    ...(golden === undefined ? {} : { golden: identityOf(golden) }),
  };
};

const identityOf = ({
  device,
  uuid,
  label,
  partUuid,
  subvolume,
}: GoldenRef): PartitionPlan['golden'] => ({
  device,
  ...(uuid === undefined ? {} : { uuid }),
  ...(label === undefined ? {} : { label }),
  ...(partUuid === undefined ? {} : { partUuid }),
  ...(subvolume === undefined ? {} : { subvolume }),
});

const checkSectorSize = (
  title: string,
  { number, content }: PartitionSpec,
  facts: DiskFacts,
  golden: GoldenRef | undefined,
): void => {
  if (content !== 'raw' || !golden || golden.sectorBytes === facts.sectorBytes) return;
  throw new NamedError(
    'SectorSizeMismatch',
    `${title} has sectors of ${facts.sectorBytes} bytes, the golden's ${golden.device} of ${golden.sectorBytes}; partition ${number} cannot be copied raw: use content files, or another disk`,
  );
};

const newTableId = (table: DiskSpec['table']): string => {
  if (table === 'gpt') return randomUUID();
  // Zero means "no id" to Windows and to some boot loaders.
  const id = randomBytes(4).readUInt32BE() || 1;
  return `0x${id.toString(16).padStart(8, '0')}`;
};

/** A volume id for vfat, as mkfs.fat -i takes it (with the dash); otherwise a random UUID. */
const newFilesystemUuid = (type: FilesystemType): string => {
  if (type !== 'vfat') return randomUUID();
  const hex = randomBytes(4).toString('hex').toUpperCase();
  return `${hex.slice(0, 4)}-${hex.slice(4)}`;
};
