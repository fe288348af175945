/**
 * The YAML description as people write it. No transforms, so that the JSON
 * Schema published as `desc/schema.json` says exactly this. `yaml.ts` turns it
 * into the model.
 */
import { z } from 'zod';
import { Content, FilesystemType } from './model.ts';
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
    options: z.array(z.string()).optional().describe('Extra arguments for mkfs'),
    label: z.string().optional(),
  }),
]);

const absolute = z.string().startsWith('/', { error: 'not an absolute path; begin it with /' });

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
    .optional()
    .describe(
      'Name (linux, swap, esp, bios-boot, lvm, raid, home, root-x86-64, extended …), GUID (gpt) or two hex digits (msdos). Default: by file system, otherwise linux',
    ),
  name: z.string().max(36).optional().describe('gpt: partition name'),
  flags: z
    .array(z.union([z.string(), z.int().min(48).max(63)]))
    .optional()
    .describe('msdos: boot. gpt: legacy-boot, required, no-block-io, or a bit from 48 to 63'),
  filesystem: SurfaceFilesystem.optional(),
  mount: absolute.optional(),
  mountOptions: z.string().optional().describe('As in fstab'),
  content: Content.optional().describe(
    "files: copy the golden's files; empty: only make it; raw: copy byte by byte; keep: leave what is there. Default: files with a mount point, otherwise empty",
  ),
});
export type SurfacePartition = z.infer<typeof SurfacePartition>;

export const SurfaceDisk = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9/_-]+$/, { error: 'not a disk name; write sda, nvme0n1 … without /dev/' })
    .regex(/^(?!\/?dev\/|\/)/, { error: 'not a disk name; leave out /dev/' })
    .describe('As on the node, without /dev/'),
  table: z.enum(['msdos', 'gpt']),
  match: z
    .strictObject({
      serial: z.string().optional(),
      model: z.string().optional(),
      wwn: z.string().optional(),
      minSize: SurfaceBytes.optional(),
      maxSize: SurfaceBytes.optional(),
    })
    .optional()
    .describe('A disk of a node is taken only when it fits all of these'),
  partitions: z.array(SurfacePartition).min(1, { error: 'no partition; describe at least one' }),
});
export type SurfaceDisk = z.infer<typeof SurfaceDisk>;

const hostname = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/, { error: 'not a host name' });

export const SurfaceNode = z.strictObject({
  name: hostname,
  mac: z
    .string()
    .regex(/^(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/, {
      error: 'not a MAC address; write 52:54:00:12:34:56',
    })
    .optional(),
  address: z.union([z.ipv4(), z.ipv6()], { error: 'not an IP address' }).optional(),
  power: z
    .string()
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
      .array(z.union([hostname, SurfaceNode]))
      .optional()
      .describe(
        'Host names of the nodes, by MAC address or address, otherwise by order of joining',
      ),
  })
  .meta({ title: 'ka disk description' });
export type SurfaceDescription = z.infer<typeof SurfaceDescription>;
