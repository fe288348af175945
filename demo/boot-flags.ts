/** What a golden's clones boot with, chosen as an admin would: its own loader, where that can be installed again. */

import { configuredLoader } from '../boot/loaders/loaders.ts';
import type { Description } from '../desc/model.ts';
import { chooseBoot } from '../golden/boot-choice.ts';
import { type BootWay, bootableBy, describeBootableBy } from '../golden/firmware.ts';
import { NamedError } from '../system/named-error.ts';

export interface BootFlags {
  flags: readonly string[];
  /** Why the clones get no loader although the golden has one. */
  why?: string;
}

/** Flags of `ka golden` for the system in `root`; none when its own choice will do. */
export const bootFlags = async (root: string, { disks }: Description): Promise<BootFlags> => {
  const loader = await configuredLoader(root);
  if (loader === 'none') return { flags: [] };
  const without = (why: string): BootFlags => ({
    flags: ['-r', 'none'],
    why: `clones get no boot loader: ${why}`,
  });
  const bootDisk = disks.find(({ partitions }) => partitions.some(({ mount }) => mount === '/'));
  if (!bootDisk) return without('no disk of the description has a /');
  try {
    const { kind, installableFor } = await chooseBoot(undefined, root, bootDisk.table);
    const way: BootWay = { kind, installableFor, disks, bootDisk };
    if (bootableBy(way).length > 0) return { flags: [] };
    return without(`they would boot by ${describeBootableBy(way)}`);
  } catch (error) {
    if (error instanceof NamedError && error.code === 'BootloaderMissing') {
      return without(`the golden lacks parts of ${loader} to install it again`);
    }
    throw error;
  }
};
