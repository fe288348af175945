/**
 * What disks should look like. Classic desc files and YAML both parse into
 * `Description`; everything after parsing works on this model.
 */
import { z } from 'zod';

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
  options: z.array(z.string()).default([]),
  label: z.string().optional(),
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
  /** Number in the table, from 1; logical ones (msdos) from 5. */
  number: z.int().min(1).max(128),
  role: z.enum(['primary', 'extended', 'logical']),
  size: Size,
  /** msdos: two hex digits, upper case ("83"). gpt: type GUID, upper case. */
  type: z.string(),
  /** gpt partition name. */
  name: z.string().max(36).optional(),
  /** `boot` = msdos active flag; gpt: sfdisk attribute names ("LegacyBIOSBootable", "RequiredPartition", "48"…63). */
  flags: z.array(z.string()).default([]),
  filesystem: FilesystemSpec.optional(),
  /** Absolute mount point on the node. */
  mount: z.string().startsWith('/').optional(),
  /** fstab options; "defaults" when absent. */
  mountOptions: z.string().optional(),
  content: Content,
});
export type PartitionSpec = z.infer<typeof PartitionSpec>;

export const DiskSpec = z.object({
  /** Name as on the node, without /dev/: sda, nvme0n1, vda. */
  name: z.string().regex(/^[A-Za-z0-9/_-]+$/),
  table: z.enum(['msdos', 'gpt']),
  /** When given, a node's disk must match all of these to be taken. */
  match: z
    .object({
      serial: z.string(),
      model: z.string(),
      wwn: z.string(),
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
  /** Absolute directories whose contents are not copied (the directories are). */
  exclude: z.array(z.string().startsWith('/')).default([]),
  /** Host names by order of joining, or by MAC address / disk serial. */
  nodes: z
    .array(
      z.object({
        name: z.string(),
        mac: z.string().optional(),
        address: z.string().optional(),
        /** Command that switches it, without the last word: on, off, cycle, status. */
        power: z.string().optional(),
      }),
    )
    .default([]),
});
export type Description = z.infer<typeof Description>;
