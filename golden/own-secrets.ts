/**
 * The golden's own secrets are in its state directory. This is where that can be
 * seen, so that no stream and no settling takes it along (docs/trust.md).
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { type Mount, readMounts } from '../desc/mounts.ts';
import { stateDirectory } from '../system/state-directory.ts';
import { isAtOrIn, mountOf, placesOf } from './visible-places.ts';

/** Without links, also where the end of the path is not there yet. */
const realPath = async (path: string): Promise<string> => {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === '/') throw error;
    return join(await realPath(dirname(path)), basename(path));
  }
};

/** Where overlayfs keeps what was written into one of its directories, when that is seen here. */
const upperOf = (directory: string, mounts: readonly Mount[]): string | undefined => {
  const mount = mountOf(directory, mounts);
  if (mount?.type !== 'overlay') return undefined;
  // Commas and backslashes in it are written with a backslash before them.
  const [, written] = /(?:^|,)upperdir=((?:\\.|[^,\\])*)/.exec(mount.superOptions) ?? [];
  if (written === undefined) return undefined;
  const inside = join(mount.root, relative(mount.mount, directory));
  const upper = join(written.replaceAll(/\\(.)/g, '$1'), inside);
  return existsSync(upper) ? upper : undefined;
};

/** The state directory, and where it really is: an overlay can lie on an overlay. */
const stateDirectories = async (mounts: readonly Mount[]): Promise<string[]> => {
  const found = new Set<string>();
  let next: string | undefined = await realPath(stateDirectory());
  while (next !== undefined && !found.has(next)) {
    found.add(next);
    next = upperOf(next, mounts);
  }
  return [...found];
};

/** Every directory of this machine in which the golden's secrets are seen. */
export const secretPlaces = async (mounts: readonly Mount[]): Promise<string[]> => {
  const directories = await stateDirectories(mounts);
  return [...new Set(directories.flatMap((directory) => placesOf(directory, mounts)))];
};

/** Those of them below `root`, and where else the directories `excluded` are seen there; as paths from `root`. */
export const hiddenIn = async (root: string, excluded: readonly string[]): Promise<string[]> => {
  const mounts = await readMounts();
  const real = await realPath(root);
  const again = excluded.flatMap((directory) => placesOf(join(real, directory), mounts));
  return [...new Set([...(await secretPlaces(mounts)), ...again])]
    .filter((place) => isAtOrIn(place, real))
    .map((place) => `/${relative(real, place)}`);
};

/** "8:1" of the device itself. */
const numberOf = async (device: string): Promise<string> => {
  const { rdev } = await stat(device);
  // makedev(3): 12 bits of the major number between 8 and 12 of the minor one.
  return `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`;
};

const textIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const namesIfThere = async (directory: string): Promise<string[]> => {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

/** Adds the device and all it lies on: what mapped devices are made of, and the file behind a loop device. */
const addDevices = async (
  number: string,
  mounts: readonly Mount[],
  found: Set<string>,
): Promise<void> => {
  if (found.has(number)) return;
  found.add(number);
  const place = `/sys/dev/block/${number}`;
  for (const name of await namesIfThere(join(place, 'slaves'))) {
    await addDevices(await numberOf(`/dev/${name}`), mounts, found);
  }
  const file = await textIfThere(join(place, 'loop/backing_file'));
  if (file !== undefined) await addDevicesOf(file.trimEnd(), mounts, found);
};

const addDevicesOf = async (
  path: string,
  mounts: readonly Mount[],
  found: Set<string>,
): Promise<void> => {
  const mount = mountOf(path, mounts);
  if (!mount) return;
  // Of btrfs and its like the number is none of a device.
  const isAnonymous = mount.majorMinor.startsWith('0:');
  if (!isAnonymous) await addDevices(mount.majorMinor, mounts, found);
  else if (mount.source.startsWith('/dev/')) {
    await addDevices(await numberOf(mount.source), mounts, found);
  }
};

/** Whether a copy of this device, byte by byte, would have the golden's secrets in it. */
export const holdsSecrets = async (device: string): Promise<boolean> => {
  const mounts = await readMounts();
  const found = new Set<string>();
  for (const directory of await stateDirectories(mounts)) {
    await addDevicesOf(directory, mounts, found);
  }
  return found.has(await numberOf(device));
};
