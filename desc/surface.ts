/**
 * The YAML description as people write it. No transforms, so that the JSON
 * Schema published as `desc/schema.json` says exactly this. `yaml.ts` turns it
 * into the model.
 */
import { z } from 'zod';
import { HostName } from '../system/names.ts';
import {
  Content,
  DiskName,
  FilesystemLabel,
  FilesystemType,
  MountOptions,
  plainText,
  ToolOptions,
} from './model.ts';
import { bytesPattern, sizePattern } from './sizes.ts';

const sizeError = 'not a size; write 512MiB, 20GiB, 500MB, 40% or fill';
const bytesError = 'not a size; write a number with a unit: 512MiB, 20GiB, 500MB';

const SurfaceSize = z
  .string({ error: sizeError })
  .regex(sizePattern, { error: sizeError })
  .describe(
    'Number with unit (B KiB MiB GiB TiB kB MB GB TB), a percentage of the space the partitions of this level share, or fill: what the others leave',
  );

const SurfaceBytes = z.string({ error: bytesError }).regex(bytesPattern, { error: bytesError });

const SurfaceFilesystem = z.union([
  FilesystemType,
  z.strictObject({
    type: FilesystemType,
    options: ToolOptions.optional().describe('Extra arguments for mkfs'),
    label: FilesystemLabel.optional(),
  }),
]);

const absolute = plainText(4095).startsWith('/', {
  error: 'not an absolute path; begin it with /',
});

const flagError =
  'not a flag; write boot, legacy-boot, required, no-block-io or a bit from 48 to 63';

const SurfaceFlag = z.string({ error: flagError }).max(32, { error: flagError });

export const SurfacePartition = z.strictObject({
  number: z
    .int()
    .min(1)
    .max(128)
    .optional()
    .describe('Number in the table. Default: the next free one; logical ones count from 5'),
  logical: z.boolean().optional().describe('msdos: inside the extended partition'),
  size: SurfaceSize.optional().describe('Needed, except with content keep'),
  type: z
    .string({ error: 'not a partition type; write a name, a GUID or "83" in quotes' })
    .max(36, { error: 'not a partition type; write a name, a GUID or "83" in quotes' })
    .optional()
    .describe(
      'Name (linux, swap, esp, bios-boot, lvm, raid, home, root-x86-64, extended …), GUID (gpt) or two hex digits (msdos). Default: by file system, otherwise linux',
    ),
  name: plainText(36).optional().describe('gpt: partition name'),
  flags: z
    .array(z.union([SurfaceFlag, z.int().min(48).max(63)]))
    .optional()
    .describe('msdos: boot. gpt: legacy-boot, required, no-block-io, or a bit from 48 to 63'),
  filesystem: SurfaceFilesystem.optional(),
  mount: absolute.optional(),
  mountOptions: MountOptions.optional().describe('As in fstab'),
  content: Content.optional().describe(
    "files: copy the golden's files; empty: only make it; raw: copy byte by byte; keep: leave what is there. Default: files with a mount point, otherwise empty",
  ),
});
export type SurfacePartition = z.infer<typeof SurfacePartition>;

export const SurfaceDisk = z.strictObject({
  name: DiskName.describe('As on the node, without /dev/'),
  table: z.enum(['msdos', 'gpt']),
  match: z
    .strictObject({
      serial: plainText(200).optional(),
      model: plainText(200).optional(),
      wwn: plainText(200).optional(),
      minSize: SurfaceBytes.optional(),
      maxSize: SurfaceBytes.optional(),
    })
    .optional()
    .describe('A disk of a node is taken only when it fits all of these'),
  partitions: z.array(SurfacePartition).min(1, { error: 'no partition; describe at least one' }),
});
export type SurfaceDisk = z.infer<typeof SurfaceDisk>;

export const SurfaceNode = z.strictObject({
  name: HostName,
  mac: z
    .string()
    .regex(/^[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}$/, {
      error: 'not a MAC address; write 52:54:00:12:34:56',
    })
    .optional(),
  address: z.union([z.ipv4(), z.ipv6()], { error: 'not an IP address; write 10.0.0.7' }).optional(),
  power: plainText(1000)
    .regex(/\S/, { error: 'no command; write one such as "ipmitool -H 10.0.1.7 chassis power"' })
    .optional()
    .describe('Command that switches it; ka power adds on, off, cycle or status'),
});

export const SurfaceDescription = z
  .strictObject({
    disks: z.array(SurfaceDisk).min(1, { error: 'no disk; describe at least one' }),
    exclude: z
      .array(absolute)
      .optional()
      .describe('Directories whose contents are not copied; the directories themselves are'),
    nodes: z
      .array(z.union([HostName, SurfaceNode]))
      .optional()
      .describe(
        'Host names of the nodes, by MAC address or address, otherwise by order of joining',
      ),
  })
  .meta({ title: 'ka disk description' });
export type SurfaceDescription = z.infer<typeof SurfaceDescription>;
