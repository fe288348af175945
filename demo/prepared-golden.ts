/** A golden of the demo, whatever it was made from: what `ka golden` is told, and what clones are compared with. */
export interface PreparedGolden {
  /** Disk image; null when a directory is cloned. */
  image: string | null;
  /** What a disk must have that is to hold it. */
  diskBytes: number;
  /** Directory with its files. */
  root: string;
  /** File for `ka golden -p sda`. */
  description: string;
  /** More flags of `ka golden`. */
  flags: readonly string[];
  /** A clone has an identity of its own. */
  hasSystem: boolean;
  /** Partitions that are copied byte by byte: number, and the golden's device. */
  raw: readonly { number: number; device: string }[];
}

export const MIB = 1024 * 1024;

/** Up to a whole MiB. */
export const wholeMebibytes = (bytes: number): number => Math.ceil(bytes / MIB) * MIB;
