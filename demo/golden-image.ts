/** Any disk image as the demo's golden. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDescription } from '../desc/load.ts';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { bootFlags } from './boot-flags.ts';
import { kaCommand } from './ka-process.ts';
import type { Lab } from './lab.ts';
import { loopPartition } from './loop-disk.ts';
import { mountSystem } from './mounted-system.ts';
import { MIB, type PreparedGolden, wholeMebibytes } from './prepared-golden.ts';
import type { Say } from './progress.ts';

/**
 * Clones are laid out at whole MiB, and with a table of logical partitions
 * before each: an image that is packed more tightly needs so much more.
 */
const layoutSlack = (partitions: number): number => (4 + 2 * partitions) * MIB;

/** Writes the description of a disk whose system is mounted, and says what it was warned of. */
const describe = async (disk: string, root: string, file: string, say: Say): Promise<void> => {
  const [ka, ...args] = kaCommand([
    ...['desc', 'from-disk', `sda=${disk}`, '--root', root, '--fill', '-o', file],
  ]);
  const { stderr, exitCode } = await run(ka, args, { okExitCodes: [0, 1, 64] });
  const lines = stderr.split('\n').filter((line) => line.startsWith('ka: '));
  const told = lines.map((line) => line.replace(/^ka: (warning: )?/, ''));
  if (exitCode !== 0) throw new NamedError('NotClonable', told.at(-1) ?? stderr.trim());
  for (const line of told) say(`golden: ${line}`);
};

/** Attaches and mounts it read-only, until the lab ends. Throws what says why it cannot be cloned. */
export const prepareImage = async (lab: Lab, image: string, say: Say): Promise<PreparedGolden> => {
  const disk = await lab.attach(image, { readOnly: true });
  const root = await mountSystem(lab, disk, 'golden');
  const file = join(lab.directory, 'description.yaml');
  await describe(disk, root, file, say);
  const description = await loadDescription(file, { disk: 'sda' });
  const partitions = description.disks.flatMap((each) => each.partitions);
  const { flags, why } = await bootFlags(root, description);
  if (why !== undefined) say(`golden: ${why}`);
  return {
    image,
    diskBytes: wholeMebibytes((await stat(image)).size) + layoutSlack(partitions.length),
    root,
    description: file,
    flags,
    hasSystem: true,
    raw: partitions
      .filter(({ content }) => content === 'raw')
      .map(({ number }) => ({ number, device: loopPartition(disk, number) })),
  };
};
