/** What a node says of itself when it joins. */
import { z } from 'zod';
import { Mac } from '../system/names.ts';
import { Count } from './numbers.ts';
import { Name } from './text.ts';

/** More than any machine has. */
export const MAX_MACS = 32;
const MAX_DISKS = 256;

export const Inventory = z.object({
  /** As the machine has it, which need not be a name a node can have. */
  hostname: Name,
  /** MAC addresses of all linked interfaces, lower case with colons; first = the one that reaches the golden. */
  macs: z.array(Mac).max(MAX_MACS),
  firmware: z.enum(['bios', 'uefi']),
  memoryBytes: Count,
  cores: Count,
  kernel: Name,
  /** Facts of each disk; their shape belongs to `desc/facts.ts`. */
  disks: z.array(z.record(z.string(), z.unknown())).max(MAX_DISKS),
});
export type Inventory = z.infer<typeof Inventory>;
