/** Partitions of the disks that are looked at together. */
import type { DiskFacts, PartitionFacts } from './facts.ts';
import { partitionDevice } from './partition-device.ts';

/** A disk to find mount points for. */
export interface GivenDisk {
  facts: DiskFacts;
  /** Somebody said that the system calls it by `facts.name`; otherwise that is only what it is called here. */
  named: boolean;
}

export interface Place {
  disk: GivenDisk;
  partition: PartitionFacts;
}

export const placesOn = (disks: readonly GivenDisk[]): Place[] =>
  disks.flatMap((disk) => disk.facts.partitions.map((partition) => ({ disk, partition })));

export const isSamePlace = (a: Place, b: Place): boolean =>
  a.disk === b.disk && a.partition.number === b.partition.number;

/** As in the description: "sda2 (ext4)". */
export const placeName = ({ disk, partition }: Place): string =>
  `${partitionDevice(disk.facts.name, partition.number)} (${partition.filesystem?.type ?? 'nothing'})`;
