/**
 * What one node will do to its disks, worked out before anything is written.
 * Made from a complete description plus the facts of the node's disks; printable;
 * executed by the node exactly as it stands.
 */
import { z } from 'zod';
import { Content, FilesystemType } from './model.ts';

export const PartitionPlan = z.object({
  number: z.int(),
  role: z.enum(['primary', 'extended', 'logical']),
  startSector: z.int(),
  sizeSectors: z.int(),
  type: z.string(),
  name: z.string().optional(),
  flags: z.array(z.string()),
  /** As in `PARTUUID=`, lower case: gpt the new partition GUID, msdos "1234abcd-01". */
  partUuid: z.string().optional(),
  filesystem: z
    .object({
      type: FilesystemType,
      options: z.array(z.string()),
      label: z.string().optional(),
      /** The node's own new UUID (vfat: XXXX-XXXX volume id). */
      uuid: z.string(),
    })
    .optional(),
  mount: z.string().optional(),
  mountOptions: z.string().optional(),
  content: Content,
  /** The golden's device, UUID, label and partition GUID this one replaces, for fstab and boot references. */
  golden: z
    .object({
      device: z.string(),
      uuid: z.string().optional(),
      label: z.string().optional(),
      partUuid: z.string().optional(),
    })
    .optional(),
});
export type PartitionPlan = z.infer<typeof PartitionPlan>;

export const DiskPlan = z.object({
  /** Name in the description: sda. */
  name: z.string(),
  /** Device on the node: /dev/sda, /dev/loop3. */
  device: z.string(),
  sizeBytes: z.int(),
  sectorBytes: z.int(),
  serial: z.string().optional(),
  table: z.enum(['msdos', 'gpt']),
  /** msdos: 8 hex digits "0x…"; gpt: disk GUID. New for each node. */
  tableId: z.string(),
  /** True when some partition is kept: the existing table must already hold it at this place. */
  keepsData: z.boolean(),
  partitions: z.array(PartitionPlan),
});
export type DiskPlan = z.infer<typeof DiskPlan>;

/** One stream of the pass and where its bytes go on the node. */
export const StreamPlan = z.object({
  /** Unique within the session: "files /", "raw sda3". */
  name: z.string(),
  kind: z.enum(['files', 'raw']),
  disk: z.string(),
  partition: z.int(),
  /** Mount point for `files`. */
  mount: z.string().optional(),
  /** Used bytes on the golden, for progress; compression may send fewer. */
  expectedBytes: z.int().optional(),
});
export type StreamPlan = z.infer<typeof StreamPlan>;

export const Bootloader = z.enum(['grub', 'extlinux', 'lilo', 'none']);
export type Bootloader = z.infer<typeof Bootloader>;

/** How the node's machine starts, and so what its loader must be. */
export const Firmware = z.enum(['bios', 'uefi']);
export type Firmware = z.infer<typeof Firmware>;

/** A module's name is part of a path and a word of a command; the kernel's own limit is 55 letters. */
const KernelModuleName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,54}$/);

/** One word of a command line. */
const OptionWord = z.string().regex(/^[\x21-\x7e]{1,256}$/);

export const ClonePlan = z.object({
  hostname: z.string(),
  /** Host name of the golden, to be replaced in /etc/hosts. */
  goldenHostname: z.string(),
  /** Empty for a node that clones into a directory. */
  disks: z.array(DiskPlan),
  streams: z.array(StreamPlan),
  /** Whether streams may come compressed, which the golden decides by measuring. */
  mayBeCompressed: z.boolean(),
  exclude: z.array(z.string()),
  /** What to install, on which disk (description name). */
  bootloader: z.object({
    kind: Bootloader,
    firmware: Firmware,
    disk: z.string().optional(),
    /** Kernel modules to be in every initramfs image, and options for the tool that builds them. */
    initramfsModules: z.array(KernelModuleName).max(64),
    initramfsOptions: z.array(OptionWord).max(64),
  }),
  /** Boot sector code to write over the first 446 bytes, base64, by disk name (`-m`, `-M`). */
  bootCode: z.record(z.string(), z.string()),
});
export type ClonePlan = z.infer<typeof ClonePlan>;
