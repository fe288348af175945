/** Fills in from the golden node what a description leaves open. */
import { NamedError } from '../system/named-error.ts';
import type { PartitionFacts } from './facts.ts';
import { checkFit } from './fit.ts';
import {
  type GoldenDisk,
  type GoldenRef,
  type GoldenRefs,
  type GoldenUse,
  goldenKey,
} from './golden-disk.ts';
import { type Description, type DiskSpec, FilesystemType, type PartitionSpec } from './model.ts';

export interface Completed {
  description: Description;
  /** What `planDisk` takes. */
  refs: GoldenRefs;
  /** One line each, for the admin to read before confirming. */
  warnings: string[];
}

/** A partition of the golden with all that is known of it. */
interface Candidate {
  disk: GoldenDisk;
  partition: PartitionFacts;
  use: GoldenUse;
}

/**
 * Completes each partition from the golden's. A partition with a mount point
 * is matched with what the golden has mounted there; all others with the
 * golden's same disk and number. Content `files` without file system and mount
 * point (all that classic can say) takes both from there.
 *
 * Throws `NamedError`: `PartitionTooSmall`, `NoGoldenPartition` (a raw copy
 * of one the golden does not have), `UnknownFilesystem`, `NothingToCopy`.
 */
export const completeFromGolden = (
  description: Description,
  goldenDisks: readonly GoldenDisk[],
): Completed => {
  const candidates = goldenDisks.flatMap((disk) =>
    disk.partitions.map((partition) => ({
      disk,
      partition,
      use: disk.use[partition.number] ?? {},
    })),
  );
  const refs = new Map<string, GoldenRef>();
  const warnings: string[] = [];
  const disks = description.disks.map((spec) => {
    const partitions = spec.partitions.map((partition) => {
      const golden = counterpart(spec, partition, candidates);
      const complete = completePartition(spec, partition, golden, warnings);
      if (golden && replacesGolden(complete)) {
        refs.set(goldenKey(spec.name, partition.number), toRef(golden));
      }
      return complete;
    });
    return withBootFlag({ ...spec, partitions }, goldenDisks);
  });
  const completed = { ...description, disks };
  checkAll(completed, refs);
  return { description: completed, refs, warnings };
};

/** Whether references to the golden's partition become references to this one. */
const replacesGolden = ({ content, filesystem }: PartitionSpec): boolean =>
  content === 'raw' || (content !== 'keep' && filesystem !== undefined);

const counterpart = (
  spec: DiskSpec,
  partition: PartitionSpec,
  candidates: readonly Candidate[],
): Candidate | undefined => {
  if (partition.mount !== undefined && partition.content !== 'raw') {
    return candidates.find(({ use }) => use.mount === partition.mount);
  }
  const isSwapSpec = partition.filesystem?.type === 'swap';
  if (partition.content === 'keep' || (partition.content === 'empty' && !isSwapSpec)) {
    return undefined;
  }
  const same = candidates.find(
    (candidate) =>
      candidate.disk.name === spec.name && candidate.partition.number === partition.number,
  );
  if (!isSwapSpec) return same;
  // Where the layout is a new one, any swap of the golden is what fstab means by it.
  return isSwap(same) ? same : candidates.find(isSwap);
};

const isSwap = (candidate: Candidate | undefined): boolean =>
  ['swap', 'swsuspend'].includes(candidate?.partition.filesystem?.type ?? '');

const completePartition = (
  spec: DiskSpec,
  partition: PartitionSpec,
  golden: Candidate | undefined,
  warnings: string[],
): PartitionSpec => {
  const title = `partition ${partition.number} of ${spec.name}`;
  const { content, number } = partition;
  // Files with their own file system need no partition on the golden: a directory will do.
  if (!golden && content === 'raw') {
    throw new NamedError(
      'NoGoldenPartition',
      `${title} wants a raw copy, but the golden has no partition ${number} on ${spec.name}; use another content, or correct the description`,
    );
  }
  const isOpen = content === 'files' && !partition.filesystem;
  if (!isOpen) return withLabel(partition, golden);
  return fromGolden(partition, golden, (why) =>
    warnings.push(`${title} will be empty, without file system: ${why}`),
  );
};

/** It is in use on the golden, so leaving it empty on a node would be losing it there. */
export const unknownFilesystem = (
  mount: string,
  device: string,
  type: string | undefined,
): NamedError =>
  new NamedError(
    'UnknownFilesystem',
    `${mount} of the golden (${device}) has a file system ka cannot make: ${type ?? 'none that is recognised'}; copy it byte by byte with -D, or leave it out with -X`,
  );

/** Completes a partition of which only place and type are known. */
const fromGolden = (
  partition: PartitionSpec,
  golden: Candidate | undefined,
  warn: (why: string) => void,
): PartitionSpec => {
  const empty: PartitionSpec = { ...partition, content: 'empty' };
  const found = golden?.partition.filesystem;
  if (!golden) {
    warn('the golden has no such partition');
    return empty;
  }
  if (isSwap(golden)) {
    return withLabel({ ...empty, filesystem: { type: 'swap', options: [] } }, golden);
  }
  if (golden.use.mount === undefined) {
    warn(`${golden.partition.device} is not mounted on the golden`);
    return empty;
  }
  const type = FilesystemType.safeParse(found?.type);
  if (!type.success) {
    throw unknownFilesystem(golden.use.mount, golden.partition.device, found?.type);
  }
  const { mount, mountOptions } = golden.use;
  return withLabel(
    {
      ...partition,
      filesystem: { type: type.data, options: [] },
      mount,
      ...(mountOptions === undefined ? {} : { mountOptions }),
    },
    golden,
  );
};

/** The golden's label, so that LABEL= references stay true, where the file system is of the same type. */
const withLabel = (partition: PartitionSpec, golden: Candidate | undefined): PartitionSpec => {
  const { filesystem } = partition;
  const found = golden?.partition.filesystem;
  if (!filesystem || filesystem.label !== undefined || found?.type !== filesystem.type) {
    return partition;
  }
  return found.label
    ? { ...partition, filesystem: { ...filesystem, label: found.label } }
    : partition;
};

/** The golden's active partition is active on the node too, where the description names none. */
const withBootFlag = (spec: DiskSpec, goldenDisks: readonly GoldenDisk[]): DiskSpec => {
  const golden = goldenDisks.find(({ name }) => name === spec.name);
  const said = spec.partitions.some(({ flags }) => flags.length > 0);
  if (spec.table !== 'msdos' || golden?.table !== 'msdos' || said) return spec;
  const active = golden.partitions.find(({ flags }) => flags.includes('boot'))?.number;
  return {
    ...spec,
    partitions: spec.partitions.map((partition) =>
      partition.number === active && partition.role !== 'extended'
        ? { ...partition, flags: ['boot'] }
        : partition,
    ),
  };
};

const toRef = ({ disk, partition, use }: Candidate): GoldenRef => {
  const { device, filesystem, partUuid } = partition;
  return {
    device,
    ...(filesystem?.uuid === undefined ? {} : { uuid: filesystem.uuid }),
    ...(filesystem?.label === undefined ? {} : { label: filesystem.label }),
    ...(partUuid === undefined ? {} : { partUuid }),
    sizeBytes: partition.sizeSectors * disk.sectorBytes,
    sectorBytes: disk.sectorBytes,
    ...(use.usedBytes === undefined ? {} : { usedBytes: use.usedBytes }),
    ...(use.subvolume === undefined ? {} : { subvolume: use.subvolume }),
  };
};

const checkAll = ({ disks }: Description, refs: GoldenRefs): void => {
  for (const { name, partitions } of disks) {
    for (const partition of partitions) {
      if (partition.size.kind !== 'bytes') continue;
      checkFit(name, partition, partition.size.bytes, refs.get(goldenKey(name, partition.number)));
    }
  }
  const contents = disks.flatMap(({ partitions }) => partitions.map(({ content }) => content));
  if (contents.some((content) => content === 'files' || content === 'raw')) return;
  const names = disks.map(({ name }) => name).join(', ');
  throw new NamedError(
    'NothingToCopy',
    `no partition described for ${names} has files on the golden; check disk names and partition numbers`,
  );
};
