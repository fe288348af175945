/**
 * What one node will do to its disks, worked out before anything is written.
 * Made from a complete description plus the facts of the node's disks; printable;
 * executed by the node exactly as it stands.
 */
import { z } from 'zod';
import { HostName } from '../system/names.ts';
import { isCleanPath } from './clean-path.ts';
import {
  CleanPath,
  Content,
  DiskName,
  FilesystemLabel,
  FilesystemType,
  MountOptions,
  PartitionFlags,
  PartitionNumber,
  PartitionType,
  plainText,
  ToolOptions,
} from './model.ts';

/** A device node: nothing outside /dev, whatever a plan says. */
const DevicePath = z
  .string()
  .max(255)
  .refine((path) => isCleanPath(path) && path.startsWith('/dev/'), {
    error: 'not a device under /dev',
  });

const UUID = '[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}';

/** As in `PARTUUID=`, lower case: gpt the partition GUID, msdos "1234abcd-01". */
const PartUuid = z.string().regex(new RegExp(`^(?:${UUID}|[0-9a-f]{8}-[0-9a-f]{2})$`));

/** Numbers are safe integers: `z.int` takes no others. */
const Sector = z.int().positive();

export const PartitionPlan = z.object({
  number: PartitionNumber,
  role: z.enum(['primary', 'extended', 'logical']),
  startSector: Sector,
  sizeSectors: Sector,
  type: PartitionType,
  name: plainText(36).optional(),
  flags: PartitionFlags,
  /** Of gpt the new partition GUID. */
  partUuid: PartUuid.optional(),
  filesystem: z
    .object({
      type: FilesystemType,
      options: ToolOptions,
      label: FilesystemLabel.optional(),
      /** The node's own new UUID (vfat: XXXX-XXXX volume id). */
      uuid: z.string().regex(new RegExp(`^(?:${UUID}|[0-9A-F]{4}-[0-9A-F]{4})$`)),
    })
    .optional(),
  mount: CleanPath.optional(),
  mountOptions: MountOptions.optional(),
  content: Content,
  /** The golden's device, UUID, label, partition GUID and subvolume this one replaces, for fstab and boot references. */
  golden: z
    .object({
      device: DevicePath,
      uuid: plainText(100).optional(),
      label: plainText(255).optional(),
      partUuid: PartUuid.optional(),
      subvolume: CleanPath.optional(),
    })
    .optional(),
});
export type PartitionPlan = z.infer<typeof PartitionPlan>;

export const DiskPlan = z.object({
  /** Name in the description: sda. */
  name: DiskName,
  /** Device on the node: /dev/sda, /dev/loop3. */
  device: DevicePath,
  sizeBytes: z.int().positive(),
  /** Logical sectors: a power of two. */
  sectorBytes: z.int().min(512).max(65_536),
  serial: z.string().max(1000).optional(),
  table: z.enum(['msdos', 'gpt']),
  /** msdos: 8 hex digits "0x…"; gpt: disk GUID. New for each node. */
  tableId: z.string().regex(new RegExp(`^(?:${UUID}|0x[0-9a-f]{8})$`)),
  /** True when some partition is kept: the existing table must already hold it at this place. */
  keepsData: z.boolean(),
  partitions: z.array(PartitionPlan).min(1).max(128),
});
export type DiskPlan = z.infer<typeof DiskPlan>;

/** One stream of the pass and where its bytes go on the node. */
export const StreamPlan = z.object({
  /** Unique within the session: "/home", "raw sda3". */
  name: plainText(4200).min(1),
  kind: z.enum(['files', 'raw']),
  disk: DiskName,
  partition: PartitionNumber,
  /** For `files`: the directory they go to. Most often the mount point of its partition, or in it. */
  mount: CleanPath.optional(),
  /** Used bytes on the golden, for progress; compression may send fewer. */
  expectedBytes: z.int().nonnegative().optional(),
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
/** A boot sector's code in base64, and a little more. */
const BootCode = z
  .string()
  .max(700)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);

export const ClonePlan = z.object({
  hostname: HostName,
  /** Host name of the golden, to be replaced in /etc/hosts. Whatever it calls itself. */
  goldenHostname: plainText(253).regex(/^\S+$/),
  /** Empty for a node that clones into a directory. */
  disks: z.array(DiskPlan).max(64),
  streams: z.array(StreamPlan).max(10_000),
  /** Whether streams may come compressed, which the golden decides by measuring. */
  mayBeCompressed: z.boolean(),
  /** Directories whose contents are not copied. */
  exclude: z.array(CleanPath).max(10_000),
  /** Mount points on the golden where nothing is read though it is the same file system: mounted a second time there. */
  notRead: z.array(CleanPath).max(10_000).optional(),
  /** What to install, on which disk (description name). */
  bootloader: z.object({
    kind: Bootloader,
    firmware: Firmware,
    disk: DiskName.optional(),
    /** Kernel modules to be in every initramfs image, and options for the tool that builds them. */
    initramfsModules: z.array(KernelModuleName).max(64),
    initramfsOptions: z.array(OptionWord).max(64),
  }),
  /** Boot sector code, 440 bytes, base64, by disk name (`-m`, `-M`). */
  bootCode: z.record(DiskName, BootCode),
});
export type ClonePlan = z.infer<typeof ClonePlan>;
