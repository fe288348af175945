/** `-X`: which disks and partitions to leave out, by the golden's names and by those of the description. */
import { readdir } from 'node:fs/promises';
import type { Description, DiskSpec, PartitionSpec } from '../desc/model.ts';
import { partitionDevice } from '../desc/partition-device.ts';
import { NamedError } from '../system/named-error.ts';
import type { GoldenMount } from './golden-mounts.ts';

export interface Skip {
  /** As it was written. */
  pattern: string;
  /** Takes names with /dev/ in front. */
  matches: (name: string) => boolean;
}

export const skipNothing: Skip = { pattern: '', matches: () => false };

/** Throws `BadRegex`. */
export const parseSkip = (pattern: string | undefined): Skip => {
  if (pattern === undefined) return skipNothing;
  try {
    const regex = new RegExp(pattern);
    return { pattern, matches: (name) => regex.test(name) };
  } catch (error) {
    throw new NamedError('BadRegex', `-X ${pattern}: not a regular expression`, { cause: error });
  }
};

/** Whether a mount of the golden is left out: by its partition, by its name, or with its whole disk. */
export const isSkippedMount = (
  skip: Skip,
  { device, source, disk }: Pick<GoldenMount, 'device' | 'source' | 'disk'>,
): boolean => device !== undefined && [device, source, disk ?? device].some(skip.matches);

/** By its name in the description: /dev/sda2. */
const describedDevice = ({ name }: DiskSpec, { number }: PartitionSpec): string =>
  `/dev/${partitionDevice(name, number)}`;

/**
 * The description without what is left out: these partitions are made, and
 * nothing is put on them. `goldenDevice` says which partition of the golden a
 * described one would be filled from.
 */
export const withoutSkipped = (
  description: Description,
  skip: Skip,
  goldenDevice: (disk: DiskSpec, partition: PartitionSpec) => string | undefined,
): Description => ({
  ...description,
  disks: description.disks.map((disk) => ({
    ...disk,
    partitions: disk.partitions.map((partition): PartitionSpec => {
      const from = goldenDevice(disk, partition);
      const isSkipped =
        skip.matches(describedDevice(disk, partition)) ||
        (from !== undefined && skip.matches(from));
      if (!isSkipped || partition.role === 'extended' || partition.content === 'keep') {
        return partition;
      }
      const { filesystem, mount, mountOptions, ...bare } = partition;
      return { ...bare, content: 'empty' };
    }),
  })),
});

/** Throws `NothingSkipped` when the pattern fits no block device of the golden and no name of the description. */
export const requireSomethingSkipped = async (
  skip: Skip,
  { disks }: Description,
  mounts: readonly GoldenMount[],
): Promise<void> => {
  if (skip === skipNothing) return;
  const known = (await readdir('/sys/class/block')).map(
    (name) => `/dev/${name.replaceAll('!', '/')}`,
  );
  const described = disks.flatMap((disk) => [
    `/dev/${disk.name}`,
    ...disk.partitions.map((partition) => describedDevice(disk, partition)),
  ]);
  const names = [...known, ...described, ...mounts.map(({ source }) => source)];
  if (names.some(skip.matches)) return;
  throw new NamedError(
    'NothingSkipped',
    `-X ${skip.pattern}: no disk or partition of the golden or of the description is called so; correct it or leave it out`,
  );
};
