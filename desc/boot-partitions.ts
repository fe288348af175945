/** What a machine's firmware needs to find on a disk. */
import { typeCode } from './partition-types.ts';

interface BootDisk {
  table: 'msdos' | 'gpt';
  partitions: readonly { type: string; mount?: string | undefined }[];
}

/** Where systems mount their EFI system partition; the firmware itself does not care. */
export const ESP_MOUNTS: readonly string[] = ['/boot/efi', '/efi'];

export const isEsp = (table: BootDisk['table'], type: string): boolean =>
  type === typeCode(table, 'esp');

/**
 * The EFI system partition the clone's loader goes on: one that has a mount
 * point, in the usual place if there are several.
 */
export const findEsp = <Disk extends BootDisk>(
  disks: readonly Disk[],
): { disk: Disk; partition: Disk['partitions'][number]; mount: string } | undefined => {
  const found = disks.flatMap((disk) =>
    disk.partitions.flatMap((partition) => {
      const { type, mount } = partition;
      return mount !== undefined && isEsp(disk.table, type) ? [{ disk, partition, mount }] : [];
    }),
  );
  return found.find(({ mount }) => ESP_MOUNTS.includes(mount)) ?? found[0];
};

/** GRUB for BIOS keeps itself behind the msdos table, or in a partition of its own on gpt. */
export const hasRoomForBiosGrub = ({ table, partitions }: BootDisk): boolean =>
  table === 'msdos' || partitions.some(({ type }) => type === typeCode('gpt', 'bios-boot'));
