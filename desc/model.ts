/**
 * What disks should look like. Classic desc files and YAML both parse into
 * `Description`; everything after parsing works on this model.
 */
import { z } from 'zod';
import { HostName, IpAddress, Mac } from '../system/names.ts';
import { isPrintable } from '../system/printable.ts';
import { isCleanPath } from './clean-path.ts';

/** PATH_MAX of Linux, without the end mark. */
const MAX_PATH = 4095;

/** Text of a description or plan: something a terminal shows, of bounded length. */
export const plainText = (most: number) =>
  z
    .string()
    .max(most, { error: `longer than ${most} characters; shorten it` })
    .refine(isPrintable, { error: 'holds control characters; remove them' });

/** A directory by its plain absolute path; see `isCleanPath`. */
export const CleanPath = z
  .string()
  .max(MAX_PATH, { error: `longer than ${MAX_PATH} characters` })
  .refine(isCleanPath, { error: 'not a plain absolute path like /home' });

/** As on a node, without /dev/: sda, nvme0n1, cciss/c0d0. */
export const DiskName = z
  .string()
  .max(64)
  .regex(/^(?!dev\/)[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)?$/, {
    error: 'not a disk name; write sda, nvme0n1 … without /dev/',
  });

/** The fourth field of fstab(5). */
export const MountOptions = plainText(4000).regex(/^\S+$/, {
  error: 'no mount options; write them as in fstab: noatime,nodev',
});

/** msdos: two hex digits, upper case ("83"). gpt: type GUID, upper case. */
export const PartitionType = z
  .string()
  .regex(/^(?:[0-9A-F]{2}|[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})$/);

/** Number in the table, from 1; logical ones (msdos) from 5. */
export const PartitionNumber = z.int().min(1).max(128);

/** `boot` = msdos active flag; gpt: sfdisk attribute names ("LegacyBIOSBootable", "RequiredPartition", "48"…63). */
export const PartitionFlags = z.array(z.string().regex(/^[A-Za-z0-9]{1,32}$/)).max(20);

/** Arguments of mkfs, or of the tool that makes an initramfs. */
export const ToolOptions = z.array(plainText(500)).max(100);

/** Longest label any file system takes (btrfs), in bytes. */
export const FilesystemLabel = plainText(255).min(1);

export const filesystemTypes = [
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'vfat',
  'swap',
  'jfs',
  'reiserfs',
] as const;
export const FilesystemType = z.enum(filesystemTypes);
export type FilesystemType = z.infer<typeof FilesystemType>;

/** Size of a partition: exact bytes, the rest of the space, or a share of the disk. */
export const Size = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('bytes'), bytes: z.int().positive() }),
  z.object({ kind: z.literal('fill') }),
  z.object({ kind: z.literal('percent'), percent: z.number().positive().max(100) }),
]);
export type Size = z.infer<typeof Size>;

export const FilesystemSpec = z.object({
  type: FilesystemType,
  /** Extra arguments for mkfs.TYPE, for example ["-O", "^metadata_csum"]. */
  options: ToolOptions.default([]),
  label: FilesystemLabel.optional(),
});
export type FilesystemSpec = z.infer<typeof FilesystemSpec>;

/**
 * What happens to a partition's content: `files` copies the golden's files,
 * `empty` only makes the file system (or nothing when there is none), `raw`
 * copies the golden's partition byte by byte, `keep` leaves it untouched.
 */
export const Content = z.enum(['files', 'empty', 'raw', 'keep']);
export type Content = z.infer<typeof Content>;

export const PartitionSpec = z.object({
  number: PartitionNumber,
  role: z.enum(['primary', 'extended', 'logical']),
  size: Size,
  type: PartitionType,
  /** gpt partition name. */
  name: plainText(36).optional(),
  flags: PartitionFlags.default([]),
  filesystem: FilesystemSpec.optional(),
  /** Mount point on the node. */
  mount: CleanPath.optional(),
  /** fstab options; "defaults" when absent. */
  mountOptions: MountOptions.optional(),
  content: Content,
});
export type PartitionSpec = z.infer<typeof PartitionSpec>;

export const DiskSpec = z.object({
  name: DiskName,
  table: z.enum(['msdos', 'gpt']),
  /** When given, a node's disk must match all of these to be taken. */
  match: z
    .object({
      serial: plainText(200),
      model: plainText(200),
      wwn: plainText(200),
      minBytes: z.int().positive(),
      maxBytes: z.int().positive(),
    })
    .partial()
    .optional(),
  partitions: z.array(PartitionSpec),
});
export type DiskSpec = z.infer<typeof DiskSpec>;

export const Description = z.object({
  disks: z.array(DiskSpec).min(1),
  /** Directories whose contents are not copied (the directories are). */
  exclude: z.array(CleanPath).default([]),
  /** Host names by MAC address, by address, or by order of joining. */
  nodes: z
    .array(
      z.object({
        name: HostName,
        mac: Mac.optional(),
        address: IpAddress.optional(),
        /** Command that switches it, without the last word: on, off, cycle, status. */
        power: plainText(1000).optional(),
      }),
    )
    .default([]),
});
export type Description = z.infer<typeof Description>;
