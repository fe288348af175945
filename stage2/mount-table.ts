/** What is mounted at and below a directory. */
import { resolve } from 'node:path';
import { type Mount, readMounts } from '../desc/mounts.ts';

/** Mounts at or below `directory`, in mount order (undo them from the end). */
export const mountsUnder = async (directory: string): Promise<Mount[]> => {
  const root = resolve(directory);
  return (await readMounts()).filter(({ mount }) => mount === root || mount.startsWith(`${root}/`));
};
