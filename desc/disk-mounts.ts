/** Where the partitions of a probed disk are mounted, by fstab and by the running system. */
import { readFile } from 'node:fs/promises';
import type { DiskFacts, PartitionFacts } from './facts.ts';
import type { MountTable } from './from-disk.ts';
import { type FstabEntry, type Mount, parseFstab, readMounts } from './mounts.ts';

/**
 * Mount points for `describeDisk`. fstab is believed first, since it is what
 * the system has after the next boot; what is mounted now comes second.
 */
export const diskMounts = async (facts: DiskFacts): Promise<MountTable> => {
  const fstab = parseFstab(await readFstab());
  const mounts = await readMounts();
  return new Map(
    facts.partitions.flatMap((partition) => {
      const now = mountedNow(partition, mounts);
      const entry = fstab.find((line) => refersTo(line, partition, now !== undefined));
      const found = entry ? { mount: entry.mount, ...optionsOf(entry.options) } : now;
      return found ? [[partition.number, found] as const] : [];
    }),
  );
};

const readFstab = (): Promise<string> =>
  readFile('/etc/fstab', 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });

/** Names and labels repeat between machines: those count for a partition this machine has mounted. */
const refersTo = (
  { source, mount }: FstabEntry,
  { device, filesystem, partUuid }: PartitionFacts,
  isMounted: boolean,
): boolean => {
  if (!mount.startsWith('/')) return false;
  const [kind, value = ''] = source.split('=', 2);
  if (kind === 'UUID') return value.toLowerCase() === filesystem?.uuid?.toLowerCase();
  if (kind === 'PARTUUID') return value.toLowerCase() === partUuid;
  if (!isMounted) return false;
  return kind === 'LABEL' ? value === filesystem?.label : source === device;
};

/** The first whole mount; bind mounts of folders say nothing about the layout. */
const mountedNow = (
  { device }: PartitionFacts,
  mounts: readonly Mount[],
): { mount: string } | undefined => {
  const found = mounts.find(({ source, root }) => source === device && root === '/');
  return found && { mount: found.mount };
};

const optionsOf = (options: string): { mountOptions?: string } =>
  options === 'defaults' ? {} : { mountOptions: options };
