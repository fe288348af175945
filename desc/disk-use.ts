/** Why a disk must not be written to now. */
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { readMounts } from './mounts.ts';
import type { KernelDevice, KernelDisk } from './sysfs-disk.ts';
import { loopBackings } from './sysfs-disk.ts';

/**
 * Mount points, swap, holders (md, dm …) and loop devices of a disk and its
 * partitions, in words: "/dev/sda1 is mounted on /". A disk that is claimed by
 * something this process cannot see (another mount namespace) is found too.
 */
export const diskUse = async (device: string, disk: KernelDisk): Promise<string[]> => {
  const devices: KernelDevice[] = [disk, ...disk.partitions];
  const uses = [
    ...(await mountUses(devices)),
    ...(await swapUses(devices)),
    ...devices.flatMap(({ name, holders }) =>
      holders.map((holder) => `/dev/${name} is part of ${holder}`),
    ),
    ...(await loopUses([device, ...disk.partitions.map(({ name }) => `/dev/${name}`)])),
  ];
  if (uses.length > 0) return uses;
  const claimed = await claim(device);
  return claimed === null ? [] : [claimed];
};

/** The same for an image file: only loop devices can use it. */
export const fileUse = (file: string): Promise<string[]> => loopUses([file]);

const loopUses = async (paths: readonly string[]): Promise<string[]> => {
  const backings = await loopBackings();
  return paths.flatMap((path) => {
    const loop = backings.get(path);
    return loop === undefined ? [] : [`${path} is attached to ${loop}`];
  });
};

/** What a system runs from. */
const bootMounts = ['/', '/boot', '/run/live/medium', '/run/initramfs/live', '/cdrom'];

const mountUses = async (devices: readonly KernelDevice[]): Promise<string[]> => {
  const mounts = await readMounts();
  const uses = devices.flatMap(({ name, majorMinor }) =>
    mounts
      .filter((mount) => mount.majorMinor === majorMinor || mount.source === `/dev/${name}`)
      .map(({ mount }) => {
        const boot = bootMounts.includes(mount) ? ' (this machine runs from it)' : '';
        return `/dev/${name} is mounted on ${mount}${boot}`;
      }),
  );
  return [...new Set(uses)];
};

const swapUses = async (devices: readonly KernelDevice[]): Promise<string[]> => {
  const lines = (await readFile('/proc/swaps', 'utf8')).split('\n').slice(1);
  const swaps = lines.map((line) => line.split(/\s/)[0]);
  return devices
    .filter(({ name }) => swaps.includes(`/dev/${name}`))
    .map(({ name }) => `/dev/${name} is used as swap`);
};

/**
 * O_EXCL on a block device fails while a mount, swap or md has it or one of
 * its partitions (open(2)). Null = free.
 */
const claim = (device: string): Promise<string | null> =>
  open(device, constants.O_RDONLY | constants.O_EXCL).then(
    async (handle) => {
      await handle.close();
      return null;
    },
    ({ code, message }: NodeJS.ErrnoException) =>
      code === 'EBUSY'
        ? `${device} is held by another process or mounted in another namespace`
        : `${device} cannot be opened: ${message}`,
  );
