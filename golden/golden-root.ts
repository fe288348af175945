/** What the golden is: the file systems of the system to clone, and its disks. */
import { existsSync } from 'node:fs';
import { readFile, realpath, stat, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { GoldenDisk } from '../desc/golden-disk.ts';
import { type FstabEntry, type Mount, parseFstab, readMounts } from '../desc/mounts.ts';
import { probeDisk } from '../desc/probe.ts';
import { NamedError } from '../system/named-error.ts';

export interface GoldenRoot {
  /** Directory of the system: "/" or the one given by --root. */
  path: string;
  hostname: string;
  /** Disks that hold file systems of the system, under their kernel names. */
  disks: GoldenDisk[];
  /** Used bytes by mount point, for file systems of their own. */
  usedBytes: Map<string, number>;
}

const readIfThere = async (path: string): Promise<string> =>
  existsSync(path) ? readFile(path, 'utf8') : '';

const hostnameOf = async (path: string): Promise<string> => {
  const written = (await readIfThere(join(path, 'etc/hostname'))).trim();
  return written === '' && path === '/' ? hostname() : written || 'golden';
};

/**
 * Device of a mount. By number where it has one: the source may be a name that
 * never existed, like /dev/root. (btrfs mounts have numbers of their own.)
 */
const deviceOf = async ({ majorMinor, source }: Mount): Promise<string> =>
  majorMinor.startsWith('0:')
    ? realpath(source)
    : `/dev/${basename(await realpath(`/sys/dev/block/${majorMinor}`))}`;

/** Whole disk of a partition, by sysfs: /dev/sda1 → /dev/sda. */
const diskOf = async (device: string): Promise<string> => {
  const path = await realpath(join('/sys/class/block', basename(device)));
  return existsSync(join(path, 'partition')) ? `/dev/${basename(dirname(path))}` : device;
};

/** Block-device mounts of the system; the last mount on a directory is what one sees there. */
const systemMounts = async (root: string): Promise<Map<string, Mount>> => {
  const found = new Map<string, Mount>();
  for (const mount of await readMounts()) {
    const inside = relative(root, mount.mount);
    if (inside.startsWith('..') || !mount.source.startsWith('/dev/')) continue;
    // A bind mount shows a part of a file system that has its own place.
    if (mount.root !== '/' && mount.type !== 'btrfs') continue;
    found.set(`/${inside}`, mount);
  }
  return found;
};

const goldenDisk = async (
  device: string,
  mounts: Map<string, Mount>,
  fstab: readonly FstabEntry[],
): Promise<GoldenDisk> => {
  const facts = await probeDisk(device);
  const bySource = new Map(
    await Promise.all(
      [...mounts].map(async ([mount, found]) => [await deviceOf(found), mount] as [string, string]),
    ),
  );
  const use: GoldenDisk['use'] = {};
  for (const { number, device: partition } of facts.partitions) {
    const mount = bySource.get(partition);
    if (mount === undefined) continue;
    const options = fstab.find((entry) => entry.mount === mount)?.options;
    use[number] = {
      mount,
      usedBytes: await usedBytesOf(mounts.get(mount)?.mount ?? mount),
      ...(options === undefined ? {} : { mountOptions: options }),
    };
  }
  return { ...facts, use };
};

const usedBytesOf = async (directory: string): Promise<number> => {
  const { blocks, bfree, bsize } = await statfs(directory);
  return (blocks - bfree) * bsize;
};

/**
 * Looks at the system in `root`. Throws `NoSuchRoot` when there is no
 * directory. A plain directory tree has no disks: then the description must say
 * everything itself.
 */
export const readGoldenRoot = async (root: string): Promise<GoldenRoot> => {
  const path = resolve(root);
  const entry = await stat(path).catch(() => undefined);
  if (!entry?.isDirectory()) {
    throw new NamedError('NoSuchRoot', `--root ${root}: there is no such directory`);
  }
  const mounts = await systemMounts(path);
  const fstab = parseFstab(await readIfThere(join(path, 'etc/fstab')));
  const devices = new Set(
    await Promise.all([...mounts.values()].map(async (mount) => diskOf(await deviceOf(mount)))),
  );
  const disks = await Promise.all([...devices].map((device) => goldenDisk(device, mounts, fstab)));
  const usedBytes = new Map(
    await Promise.all(
      [...mounts].map(
        async ([mount, found]) => [mount, await usedBytesOf(found.mount)] as [string, number],
      ),
    ),
  );
  return {
    path,
    hostname: await hostnameOf(path),
    disks,
    usedBytes,
  };
};
