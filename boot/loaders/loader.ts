/** What is known of a boot loader. */
import type { Bootloader, Firmware } from '../../desc/clone-plan.ts';
import type { BootFiles } from '../boot-files.ts';
import type { Part } from '../part.ts';

export type LoaderName = Exclude<Bootloader, 'none'>;

/** As much of a disk, described or planned, as its loader depends on. */
export interface BootDisk {
  name: string;
  table: 'msdos' | 'gpt';
  partitions: readonly { type: string; mount?: string | undefined }[];
}

export interface Loader {
  name: LoaderName;
  /** A system that has one of these starts by it. */
  configs: readonly string[];
  /** Firmware it is for, and Debian's packages that bring it. */
  packages: Partial<Record<Firmware, string>>;
  /** What a system needs to install it, on a disk with this table. */
  parts(firmware: Firmware, table: BootDisk['table']): readonly Part[];
  /** Why these disks have no room for it, as the end of a sentence; null = they have. */
  obstacle(firmware: Firmware, disks: readonly BootDisk[], bootDisk: BootDisk): string | null;
  bootFiles: BootFiles;
  /** What its code in front of a disk's table always has in it, as grub's messages; null = nothing. */
  codeMark: string | null;
}
