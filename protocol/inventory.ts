/** What a node says of itself when it joins. */
import { z } from 'zod';

export const Inventory = z.object({
  hostname: z.string(),
  /** MAC addresses of all linked interfaces, lower case with colons; first = the one that reaches the golden. */
  macs: z.array(z.string()),
  firmware: z.enum(['bios', 'uefi']),
  memoryBytes: z.int(),
  cores: z.int(),
  kernel: z.string(),
  /** Facts of each disk; their shape belongs to `desc/facts.ts`. */
  disks: z.array(z.record(z.string(), z.unknown())),
});
export type Inventory = z.infer<typeof Inventory>;
