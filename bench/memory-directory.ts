/** A directory in memory that goes with its lab. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../demo/lab.ts';
import { run } from '../system/run.ts';

/** Mounts a tmpfs in the lab's directory, before the lab's processes are started. */
export const memoryDirectory = async (lab: Lab, name: string): Promise<string> => {
  const directory = join(lab.directory, name);
  await mkdir(directory);
  // Half of the memory, tmpfs's default, is too little for many clones of a system.
  await run('mount', ['-t', 'tmpfs', '-o', 'size=90%,mode=755', 'ka-bench', directory]);
  return directory;
};
