/** A tree of many small files, as home directories and package trees have them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILES_PER_DIRECTORY = 100;
/** Sizes go round: 0 to 8 KiB, 3.5 KiB on the mean. */
const SIZES = [0, 100, 700, 1500, 3000, 4096, 6000, 8192];

export const makeSmallFiles = async (directory: string, files: number): Promise<void> => {
  await mkdir(directory);
  const contents = SIZES.map((bytes, index) =>
    Buffer.alloc(bytes, `small file of size ${index}\n`),
  );
  for (let first = 0; first < files; first += FILES_PER_DIRECTORY) {
    const place = join(directory, `directory-${first / FILES_PER_DIRECTORY}`);
    await mkdir(place);
    const last = Math.min(files, first + FILES_PER_DIRECTORY);
    for (let number = first; number < last; number += 1) {
      await writeFile(join(place, `file-${number}`), contents[number % SIZES.length] ?? '');
    }
  }
};
