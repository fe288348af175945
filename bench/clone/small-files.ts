/** A tree of many small files, as home directories and package trees have them. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILES_PER_DIRECTORY = 100;
/** Sizes go round: 0 to 8 KiB, 3 KiB on the mean. */
const SIZES = [0, 100, 700, 1500, 3000, 4096, 6000, 8192];
const NOISE_BYTES = 1024 * 1024;

/** Each file has other text, which packs to three quarters. */
export const makeSmallFiles = async (directory: string, files: number): Promise<void> => {
  const text = randomBytes(NOISE_BYTES).toString('base64');
  await mkdir(directory);
  for (let first = 0; first < files; first += FILES_PER_DIRECTORY) {
    const place = join(directory, `directory-${first / FILES_PER_DIRECTORY}`);
    await mkdir(place);
    const last = Math.min(files, first + FILES_PER_DIRECTORY);
    for (let number = first; number < last; number += 1) {
      const bytes = SIZES[number % SIZES.length] ?? 0;
      const from = (number * 4099) % (text.length - bytes);
      await writeFile(join(place, `file-${number}`), text.slice(from, from + bytes));
    }
  }
};
