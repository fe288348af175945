/** The file that is sent: in memory, so that no disk is measured. */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { MIB } from './units.ts';

export interface FilePayload {
  path: string;
  bytes: number;
}

const NOISE_MIB = 16;

/** Writes `mebibytes` of noise (the same 16 MiB again and again) to a file in `directory`. */
export const writePayload = async (directory: string, mebibytes: number): Promise<FilePayload> => {
  const path = join(directory, `payload-${mebibytes}`);
  const noise = randomBytes(Math.min(NOISE_MIB, mebibytes) * MIB);
  const file = await open(path, 'w');
  try {
    for (let left = mebibytes * MIB; left > 0; left -= noise.length) {
      await file.write(noise, 0, Math.min(left, noise.length));
    }
  } finally {
    await file.close();
  }
  return { path, bytes: mebibytes * MIB };
};
