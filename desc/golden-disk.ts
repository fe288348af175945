/** What the description's disks correspond to on the golden node. */
import type { DiskFacts } from './facts.ts';

/** How the golden uses one of its partitions. */
export interface GoldenUse {
  /** Relative to the cloned root: `/`, `/home`. */
  mount?: string;
  /** As in fstab. */
  mountOptions?: string;
  usedBytes?: number;
  /** The btrfs subvolume that is mounted there: `/@`. */
  subvolume?: string;
}

/** A disk of the golden, with the use of its partitions by number. */
export interface GoldenDisk extends DiskFacts {
  use: Record<number, GoldenUse>;
}

/** The golden's partition that a described one replaces or copies. */
export interface GoldenRef {
  device: string;
  uuid?: string;
  label?: string;
  partUuid?: string;
  sizeBytes: number;
  sectorBytes: number;
  usedBytes?: number;
  subvolume?: string;
}

/** By `goldenKey`. */
export type GoldenRefs = ReadonlyMap<string, GoldenRef>;

/** Key of a described partition: disk name and number in the description. */
export const goldenKey = (disk: string, number: number): string => `${disk}:${number}`;
