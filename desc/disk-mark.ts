/**
 * How a disk tells that ka wrote it last: a text in the last 4 KiB before the
 * first MiB, where ka starts the first partition. Neither table uses that place,
 * and GRUB's core image ends below it (it takes 0x78000 bytes at most,
 * `grub_util_bios_setup`).
 *
 * The text holds a digest of the table as it was written. Its ids are new for
 * each disk, so whoever partitions the disk anew, or adds a partition, makes the
 * text say nothing; and no file, raw copy of a partition or boot code carries it
 * to another disk.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Table } from './sfdisk-table.ts';
import { MIB } from './sizes.ts';

/** In bytes from the start of the disk; a whole sector with sectors of 512 and of 4096 bytes. */
export const MARK_OFFSET = MIB - 4096;
export const MARK_BYTES = 512;

const FIRST_LINE = 'this disk was partitioned by ka\n';

/** What `table` is marked with. */
export const markOf = ({ kind, id, partitions }: Table): Buffer => {
  const places = partitions
    .toSorted((a, b) => a.number - b.number)
    .map(({ number, startSector, sizeSectors }) => `${number} ${startSector} ${sizeSectors}`);
  const digest = createHash('sha256')
    .update([kind, id, ...places].join('\n'))
    .digest('hex');
  const mark = Buffer.alloc(MARK_BYTES);
  mark.write(`${FIRST_LINE}${digest}\n`);
  return mark;
};

/** Whether the place of the mark is before all partitions. */
export const hasPlaceForMark = (
  partitions: readonly { startSector: number }[],
  sectorBytes: number,
): boolean => partitions.every(({ startSector }) => startSector * sectorBytes >= MIB);

/** The mark of a disk, whatever table it was made for; null where there is none, or none that can be read. */
export const readMark = async (device: string): Promise<Buffer | null> => {
  const handle = await open(device, 'r');
  try {
    const bytes = Buffer.alloc(MARK_BYTES);
    const bytesRead = await handle.read(bytes, 0, MARK_BYTES, MARK_OFFSET).then(
      (read) => read.bytesRead,
      (error: NodeJS.ErrnoException) => {
        // One bad sector is no reason not to look at the rest.
        if (error.code === 'EIO') return 0;
        throw error;
      },
    );
    return bytesRead === MARK_BYTES && bytes.toString('latin1').startsWith(FIRST_LINE)
      ? bytes
      : null;
  } finally {
    await handle.close();
  }
};
