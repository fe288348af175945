/** Takes from a node's disks what a machine could start from. */
import { open } from 'node:fs/promises';
import { toFailure } from '../protocol/failure.ts';
import { NamedError } from '../system/named-error.ts';
import { writeBootCode } from './boot-sector.ts';
import { cleanUp } from './clean-up.ts';
import { isFormatted } from './mkfs.ts';
import { type PlannedPartition, plannedPartitions } from './planned-partitions.ts';
import type { StepContext } from './step.ts';

/** Superblocks, boot sectors and the tables of fat lie in the first of a partition. */
const ZEROED_BYTES = 1024 * 1024;

const isWritten = ({ partition }: PlannedPartition): boolean =>
  partition.content === 'raw' || isFormatted(partition);

const zeroStart = async ({ disk, partition, device }: PlannedPartition): Promise<void> => {
  const bytes = Math.min(ZEROED_BYTES, partition.sizeSectors * disk.sectorBytes);
  const handle = await open(device, 'r+');
  try {
    await handle.write(Buffer.alloc(bytes), 0, bytes, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/**
 * Unmounts what is at `target`, makes every partition the plan writes to
 * something no loader and no kernel takes for a file system, and removes the
 * boot code of their disks. Partitions that are kept, and the tables, stay.
 * Throws `StillBootable` when something of that could not be done; the rest is
 * done even then.
 */
export const makeUnbootable = async ({
  plan,
  target,
  log,
}: Pick<StepContext, 'plan' | 'target' | 'log'>): Promise<void> => {
  const problems = await cleanUp({ target, log });
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      log(`${what}: done`);
    } catch (error) {
      problems.push(`${what}: ${toFailure(error).message}`);
    }
  };
  const written = plannedPartitions(plan).filter(isWritten);
  for (const planned of written) {
    await attempt(`zeroing the start of ${planned.device}`, () => zeroStart(planned));
  }
  const disks = plan.disks.filter(
    (disk) => written.some((planned) => planned.disk === disk) || disk.name in plan.bootCode,
  );
  for (const disk of disks) {
    const remove = () => writeBootCode(disk, Buffer.alloc(0));
    await attempt(`removing the boot code of ${disk.device}`, remove);
  }
  if (problems.length === 0) return;
  throw new NamedError(
    'StillBootable',
    `not all of this node's disks could be made unbootable: ${problems.join('; ')}`,
  );
};
