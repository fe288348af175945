/** Mounts of ours that live on in other mount namespaces. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { type Mount, parseMountinfo } from '../desc/mounts.ts';
import { toFailure } from '../protocol/failure.ts';
import { run } from '../system/run.ts';
import type { StepContext } from './step.ts';

/** File systems of a device; proc, tmpfs and the like hold no disk. */
const isOnDevice = ({ source }: Mount): boolean => source.startsWith('/dev/');

/**
 * A process that is given its own mount namespace (a service, a container)
 * takes a copy of every mount with it, and a file system stays in use until
 * the last copy is gone. Unmounts the copies of `mounts` (as they were here):
 * the same device at the same place. Other agents may well use the same place
 * for disks of their own.
 */
export const unmountElsewhere = async (
  mounts: readonly Mount[],
  log: StepContext['log'],
): Promise<void> => {
  const ours = mounts.filter(isOnDevice);
  if (ours.length === 0) return;
  for (const pid of await processOfEachNamespace()) {
    const text = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
    const copies = parseMountinfo(text).filter((copy) =>
      ours.some(({ mount, source }) => copy.mount === mount && copy.source === source),
    );
    for (const { mount } of copies.reverse()) {
      const args = [`--target=${pid}`, '--mount', 'umount', '--lazy', mount];
      // The process may end meanwhile, and its mounts with it.
      await run('nsenter', args, { log }).catch((error) => log(toFailure(error).message));
    }
  }
};

/** One process id for each mount namespace other than this process's own. */
const processOfEachNamespace = async (): Promise<string[]> => {
  const namespaces = new Map<string, string>();
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const namespace = await readlink(`/proc/${pid}/ns/mnt`).catch(() => null);
    if (namespace !== null) namespaces.set(namespace, pid);
  }
  namespaces.delete(await readlink('/proc/self/ns/mnt'));
  return [...namespaces.values()];
};
