/** The first sector of a disk: boot code in front of the partition table. */
import { open } from 'node:fs/promises';
import type { DiskPlan } from '../desc/clone-plan.ts';

/**
 * Bytes 440–445 belong to the table (disk signature), so code ends before
 * them, though the original and dd's folklore speak of 446.
 */
export const BOOT_CODE_BYTES = 440;

/** Writes boot code in front of the table; longer code is cut to what fits. */
export const writeBootCode = async (disk: DiskPlan, code: Buffer): Promise<void> => {
  const handle = await open(disk.device, 'r+');
  try {
    const sector = Buffer.alloc(disk.sectorBytes);
    await handle.read(sector, 0, sector.length, 0);
    sector.fill(0, 0, BOOT_CODE_BYTES);
    code.copy(sector, 0, 0, Math.min(code.length, BOOT_CODE_BYTES));
    await handle.write(sector, 0, sector.length, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** The code at the start of a disk, without the table. */
export const readBootCode = async (device: string): Promise<Buffer> => {
  const handle = await open(device, 'r');
  try {
    const code = Buffer.alloc(BOOT_CODE_BYTES);
    await handle.read(code, 0, code.length, 0);
    return code;
  } finally {
    await handle.close();
  }
};
