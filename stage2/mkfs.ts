/** How each file system is made, checked and recognised. */
import type { PartitionPlan } from '../desc/clone-plan.ts';
import type { FilesystemType } from '../desc/model.ts';

type Filesystem = NonNullable<PartitionPlan['filesystem']>;

export interface Command {
  command: string;
  args: string[];
}

/** FAT32 needs at least 65,525 clusters; a few more keep clear of the edge. */
const FAT32_LEAST_CLUSTERS = 66_000;

const labelled = (option: string, filesystem: Filesystem): string[] =>
  filesystem.label ? [option, filesystem.label] : [];

const makeExt = (fs: Filesystem, device: string): Command[] => [
  {
    command: `mkfs.${fs.type}`,
    args: ['-q', '-F', '-U', fs.uuid, ...labelled('-L', fs), ...fs.options, device],
  },
];

/** EFI firmware wants FAT32; mkfs.vfat alone would choose FAT16 up to 512 MiB. */
const fatSize = (fs: Filesystem, sizeBytes: number, sectorBytes: number): string[] =>
  fs.options.includes('-F') || sizeBytes < FAT32_LEAST_CLUSTERS * sectorBytes ? [] : ['-F', '32'];

/**
 * The commands that make the planned file system on `device`. Sizes in bytes.
 * Nothing asks, nothing stops at an older signature.
 */
export const mkfsCommands = (
  fs: Filesystem,
  device: string,
  size: { sizeBytes: number; sectorBytes: number },
): Command[] => {
  const makers: Record<FilesystemType, () => Command[]> = {
    ext2: () => makeExt(fs, device),
    ext3: () => makeExt(fs, device),
    ext4: () => makeExt(fs, device),
    xfs: () => [
      {
        command: 'mkfs.xfs',
        args: ['-q', '-f', '-m', `uuid=${fs.uuid}`, ...labelled('-L', fs), ...fs.options, device],
      },
    ],
    btrfs: () => [
      {
        command: 'mkfs.btrfs',
        args: ['-q', '-f', '-U', fs.uuid, ...labelled('-L', fs), ...fs.options, device],
      },
    ],
    vfat: () => [
      {
        command: 'mkfs.vfat',
        args: [
          ...['-i', fs.uuid.replace('-', ''), ...labelled('-n', fs)],
          ...fatSize(fs, size.sizeBytes, size.sectorBytes),
          ...fs.options,
          device,
        ],
      },
    ],
    swap: () => [
      {
        command: 'mkswap',
        args: ['-f', '-U', fs.uuid, ...labelled('-L', fs), ...fs.options, device],
      },
    ],
    jfs: () => [
      { command: 'mkfs.jfs', args: ['-q', ...labelled('-L', fs), ...fs.options, device] },
      // mkfs.jfs has no option for the UUID.
      { command: 'jfs_tune', args: ['-U', fs.uuid, device] },
    ],
    reiserfs: () => [
      {
        command: 'mkfs.reiserfs',
        args: ['-q', '-f', '-f', '-u', fs.uuid, ...labelled('-l', fs), ...fs.options, device],
      },
    ],
  };
  return makers[fs.type]();
};

/** The programs that make it. */
export const mkfsTools = (fs: Filesystem): string[] =>
  mkfsCommands(fs, '', { sizeBytes: 0, sectorBytes: 512 }).map(({ command }) => command);

/** The read-only check of each file system type; swap has none. */
export const fsckCommand = (type: FilesystemType, device: string): Command | null => {
  const checks: Record<FilesystemType, Command | null> = {
    ext2: { command: 'e2fsck', args: ['-f', '-n', device] },
    ext3: { command: 'e2fsck', args: ['-f', '-n', device] },
    ext4: { command: 'e2fsck', args: ['-f', '-n', device] },
    xfs: { command: 'xfs_repair', args: ['-n', device] },
    btrfs: { command: 'btrfs', args: ['check', '--readonly', device] },
    vfat: { command: 'fsck.vfat', args: ['-n', device] },
    jfs: { command: 'jfs_fsck', args: ['-n', device] },
    reiserfs: { command: 'reiserfsck', args: ['--check', '-y', '-q', device] },
    swap: null,
  };
  return checks[type];
};

/** True for a partition whose file system the node makes itself. */
export const isFormatted = (
  partition: PartitionPlan,
): partition is PartitionPlan & { filesystem: Filesystem } =>
  partition.filesystem !== undefined &&
  partition.role !== 'extended' &&
  (partition.content === 'files' || partition.content === 'empty');
