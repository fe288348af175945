/** Marks a disk as written by ka; what the mark is and means is in `desc/disk-mark.ts`. */
import { open } from 'node:fs/promises';
import type { DiskPlan } from '../desc/clone-plan.ts';
import { hasPlaceForMark, MARK_BYTES, MARK_OFFSET, markOf, readMark } from '../desc/disk-mark.ts';
import { readTable } from '../desc/sfdisk-table.ts';
import type { StepContext } from './step.ts';

/**
 * Marks the disk with the table that is on it. One that keeps data is not ka's
 * to erase another time: it loses the mark it may have.
 */
export const markDisk = async (
  { device, sectorBytes, keepsData }: DiskPlan,
  { log, signal }: Pick<StepContext, 'log' | 'signal'>,
): Promise<void> => {
  const table = await readTable(device, { log, signal });
  if (!table || !hasPlaceForMark(table.partitions, sectorBytes)) return;
  if (keepsData && (await readMark(device)) === null) return;
  const handle = await open(device, 'r+');
  try {
    const mark = keepsData ? Buffer.alloc(MARK_BYTES) : markOf(table);
    await handle.write(mark, 0, MARK_BYTES, MARK_OFFSET);
    await handle.sync();
  } finally {
    await handle.close();
  }
};
