/** What a real disk is, as probed on a machine. Sent by nodes in their inventory. */
import { z } from 'zod';

export const PartitionFacts = z.object({
  number: z.int(),
  /** Path of its device node: /dev/sda1, /dev/nvme0n1p2. */
  device: z.string(),
  startSector: z.int(),
  sizeSectors: z.int(),
  type: z.string(),
  name: z.string().optional(),
  /** As in `PARTUUID=`: gpt the partition GUID, msdos "1234abcd-01"; lower case. */
  partUuid: z.string().optional(),
  flags: z.array(z.string()).default([]),
  filesystem: z
    .object({ type: z.string(), uuid: z.string().optional(), label: z.string().optional() })
    .optional(),
});
export type PartitionFacts = z.infer<typeof PartitionFacts>;

export const DiskFacts = z.object({
  /** Name the description uses: sda. For local agents given by `--disk sda=/dev/loop3`. */
  name: z.string(),
  device: z.string(),
  sizeBytes: z.int(),
  /** Logical sector size: 512 or 4096. */
  sectorBytes: z.int(),
  model: z.string().optional(),
  serial: z.string().optional(),
  wwn: z.string().optional(),
  readOnly: z.boolean(),
  /** A stick, a card in a reader, anything on USB. Absent = not known. */
  removable: z.boolean().optional(),
  /** Why the disk must not be touched now: mount points, swap, holders (md, dm), boot medium. */
  inUse: z.array(z.string()),
  table: z.enum(['msdos', 'gpt', 'none', 'other']),
  /** Written as in `DiskPlan.tableId`; absent without a table. */
  tableId: z.string().optional(),
  /** Names of the signatures on the disk as a whole; none = nothing is known to be on it. Absent = not looked for. */
  signatures: z.array(z.string()).optional(),
  /** Its table is as ka wrote it; see `disk-mark.ts`. */
  writtenByKa: z.boolean().optional(),
  partitions: z.array(PartitionFacts),
});
export type DiskFacts = z.infer<typeof DiskFacts>;
