/**
 * Takes away what a run that was killed could not: every lab carries the number
 * of its process in its names, so the next one can tell what nobody owns.
 */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readMounts } from '../desc/mounts.ts';
import { run } from '../system/run.ts';
import { detachLoop } from './loop-disk.ts';

const isAlive = (pid: string): boolean => existsSync(`/proc/${pid}`);

/** Ends everything that still runs in a namespace, then removes it. */
export const removeNamespace = async (name: string): Promise<void> => {
  const { stdout } = await run('ip', ['netns', 'pids', name]);
  for (const pid of stdout.split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      // It ended by itself in the meantime.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  await run('ip', ['netns', 'delete', name]);
};

/** Names of all network namespaces of this machine. */
export const listNamespaces = async (): Promise<string[]> => {
  const { stdout } = await run('ip', ['netns', 'list']);
  return stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
};

/** Unmounts everything mounted below a directory, the deepest first. */
export const unmountBelow = async (directory: string): Promise<void> => {
  const places = (await readMounts())
    .map(({ mount }) => mount)
    .filter((place) => place.startsWith(`${directory}/`));
  for (const place of places.reverse()) await run('umount', [place]);
};

/** Detaches the loop devices whose images lie below a directory. */
const detachBelow = async (directory: string): Promise<void> => {
  const { stdout } = await run('losetup', ['--list', '--json', '--output', 'NAME,BACK-FILE']);
  if (stdout.trim() === '') return;
  const { loopdevices } = JSON.parse(stdout) as {
    loopdevices: { name: string; 'back-file': string | null }[];
  };
  for (const loop of loopdevices) {
    if (loop['back-file']?.startsWith(`${directory}/`)) await detachLoop(loop.name);
  }
};

/** Removes the namespaces, mounts, loop devices and files of dead runs; `directory` holds the `run-PID-…` ones. */
export const removeLeftovers = async (directory: string): Promise<void> => {
  for (const name of await listNamespaces()) {
    const pid = /^ka-(\d+)-/.exec(name)?.[1];
    if (pid && !isAlive(pid)) await removeNamespace(name);
  }
  for (const name of await readdir(directory)) {
    const pid = /^run-(\d+)-/.exec(name)?.[1];
    if (!pid || isAlive(pid)) continue;
    const dead = join(directory, name);
    await unmountBelow(dead);
    await detachBelow(dead);
    await rm(dead, { recursive: true, force: true });
  }
};
