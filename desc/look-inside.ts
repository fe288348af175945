/** A look into a file system of a disk or an image, without writing to it. */
import { existsSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import { type RunOptions, run } from '../system/run.ts';
import { FilesystemType } from './model.ts';
import type { Place } from './places.ts';

/** What keeps a file system that was not unmounted from being repaired while it is looked at. */
const untouched: Partial<Record<FilesystemType, string>> = {
  ext3: 'noload',
  ext4: 'noload',
  xfs: 'norecovery,nouuid',
  btrfs: 'rescue=nologreplay',
};

/** The type, when it is one that can hold files and that `ka` makes. */
export const filesType = ({ partition }: Place): FilesystemType | undefined => {
  const { data } = FilesystemType.safeParse(partition.filesystem?.type);
  return data === 'swap' ? undefined : data;
};

/** The partition's own device; where the kernel does not show one, a loop device over its part of the disk. */
const openDevice = async (
  { disk: { facts }, partition }: Place,
  options: RunOptions,
): Promise<{ device: string; close: () => Promise<unknown> }> => {
  if (existsSync(join('/sys/class/block', basename(partition.device)))) {
    return { device: partition.device, close: () => Promise.resolve() };
  }
  const { sectorBytes } = facts;
  const { stdout } = await run(
    'losetup',
    [
      ...['--find', '--show', '--read-only', '--sector-size', String(sectorBytes)],
      ...['--offset', String(partition.startSector * sectorBytes)],
      ...['--sizelimit', String(partition.sizeSectors * sectorBytes), facts.device],
    ],
    options,
  );
  const device = stdout.trim();
  return { device, close: () => run('losetup', ['--detach', device]) };
};

/** What mount(8) says at last, without the directory nobody knows. */
const reason = (error: NamedError): string =>
  (error.output ?? error.message)
    .split('\n')
    .filter((line) => !line.includes('dmesg'))
    .at(-1)
    ?.replace(/^(mount|losetup): (\/\S+: )?/, '')
    .replace(/\.$/, '') ?? '';

/**
 * Mounts it read-only in a directory of its own while `work` looks around
 * there. `subvolume` is a btrfs's, from its top. Throws `FilesystemUnreadable`
 * when this machine cannot: the message is only the reason.
 */
export const lookInside = async <T>(
  place: Place,
  work: (directory: string) => Promise<T>,
  { subvolume, ...options }: RunOptions & { subvolume?: string } = {},
): Promise<T> => {
  const type = filesType(place);
  const unreadable = (why: string, cause?: unknown): NamedError =>
    new NamedError('FilesystemUnreadable', why, { cause });
  if (type === undefined) throw unreadable('not a file system that can be mounted here');
  if (process.getuid?.() !== 0) throw unreadable('only root can mount it');
  const flags = ['ro', 'nodev', 'nosuid', 'noexec', untouched[type] ?? []].flat();
  if (subvolume !== undefined) flags.push(`subvol=${subvolume}`);
  const directory = await mkdtemp(join(tmpdir(), 'ka-look-'));
  try {
    const opened = await openDevice(place, options);
    try {
      await run('mount', ['-t', type, '-o', flags.join(','), opened.device, directory], options);
    } catch (error) {
      await opened.close();
      throw error;
    }
    try {
      return await work(directory);
    } finally {
      await run('umount', [directory]);
      await opened.close();
    }
  } catch (error) {
    if (!(error instanceof NamedError) || error.code !== 'CommandFailed') throw error;
    throw unreadable(reason(error), error);
  } finally {
    await rmdir(directory);
  }
};
