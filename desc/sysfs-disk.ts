/** What the kernel says of a whole disk in sysfs. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NamedError } from '../system/named-error.ts';

/** A block device below a disk, or the disk itself. */
export interface KernelDevice {
  /** sda1; with / where sysfs has ! (cciss/c0d0). */
  name: string;
  majorMinor: string;
  /** Names of md, dm … devices that use it. */
  holders: string[];
}

export interface KernelPartition extends KernelDevice {
  number: number;
  startBytes: number;
  sizeBytes: number;
}

export interface KernelDisk extends KernelDevice {
  sizeBytes: number;
  sectorBytes: number;
  readOnly: boolean;
  removable: boolean;
  model?: string;
  serial?: string;
  wwn?: string;
  partitions: KernelPartition[];
}

/** Unit of `size` in sysfs, whatever the disk's sectors are. */
const SYSFS_SECTOR_BYTES = 512;

/** The disk behind a block device number. Errors: `NotADisk` for a partition. */
export const kernelDisk = async (device: string, rdev: number): Promise<KernelDisk> => {
  const folder = await realpath(`/sys/dev/block/${majorMinorOf(rdev)}`);
  if ((await attribute(folder, 'partition')) !== undefined) {
    throw new NamedError('NotADisk', `${device} is a partition; give the whole disk`);
  }
  const entries = await readdir(folder, { withFileTypes: true });
  const children = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(async ({ name }) => {
        const child = join(folder, name);
        const number = await attribute(child, 'partition');
        return number === undefined ? [] : [await kernelPartition(child, Number(number))];
      }),
  );
  const identity = {
    model: await firstOf(folder, ['device/model', 'device/name']),
    serial: (await firstOf(folder, ['device/serial', 'serial'])) ?? (await scsiSerial(folder)),
    wwn: wwnOf(await firstOf(folder, ['wwid', 'device/wwid'])),
  };
  return {
    ...(await kernelDevice(folder)),
    sizeBytes: Number(await attribute(folder, 'size')) * SYSFS_SECTOR_BYTES,
    sectorBytes: Number(await attribute(folder, 'queue/logical_block_size')),
    readOnly: (await attribute(folder, 'ro')) === '1',
    removable: (await attribute(folder, 'removable')) === '1' || onUsb.test(folder),
    ...(identity.model === undefined ? {} : { model: identity.model }),
    ...(identity.serial === undefined ? {} : { serial: identity.serial }),
    ...(identity.wwn === undefined ? {} : { wwn: identity.wwn }),
    partitions: children.flat(),
  };
};

/** Disks on USB seldom call themselves removable, though they are: /sys/devices/pci…/usb2/2-1/…. */
const onUsb = /\/usb\d+\//;

/** Linux's dev_t as glibc packs it, as the kernel writes it: "8:1". */
export const majorMinorOf = (rdev: number): string =>
  `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`;

const kernelPartition = async (folder: string, number: number): Promise<KernelPartition> => ({
  ...(await kernelDevice(folder)),
  number,
  startBytes: Number(await attribute(folder, 'start')) * SYSFS_SECTOR_BYTES,
  sizeBytes: Number(await attribute(folder, 'size')) * SYSFS_SECTOR_BYTES,
});

const kernelDevice = async (folder: string): Promise<KernelDevice> => {
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  return {
    name: name.replaceAll('!', '/'),
    majorMinor: (await attribute(folder, 'dev')) ?? '',
    holders: await readdir(join(folder, 'holders')).catch(absent([])),
  };
};

/** No disks for a system: memory, removable readers, and devices made of other disks. */
const notDisks =
  /^(?:ram|zram|loop|fd|sr|dm-|md|mtdblock|nbd|drbd|bcache)|^mmcblk\d+(?:boot\d+|rpmb)$/;

/** Names of all disks that could hold a system: no loop, RAM, CD, md or dm devices, none without a medium. */
export const diskNames = async (): Promise<string[]> => {
  const names = (await readdir('/sys/block')).filter((name) => !notDisks.test(name));
  const usable = await Promise.all(
    names.map(async (name) => {
      const folder = join('/sys/block', name);
      const hidden = await attribute(folder, 'hidden');
      return hidden !== '1' && Number(await attribute(folder, 'size')) > 0;
    }),
  );
  return names.filter((_, index) => usable[index]).map((name) => name.replaceAll('!', '/'));
};

/** Files of loop devices in use: path → /dev/loopN. */
export const loopBackings = async (): Promise<Map<string, string>> => {
  const loops = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'));
  const pairs = await Promise.all(
    loops.map(async (name): Promise<[string, string][]> => {
      const file = await attribute(join('/sys/block', name), 'loop/backing_file');
      return file === undefined ? [] : [[file, `/dev/${name}`]];
    }),
  );
  return new Map(pairs.flat());
};

const absent =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    // Drivers leave out attributes they have no value for, or refuse to read them.
    if (['ENOENT', 'ENOTDIR', 'ENXIO', 'EINVAL', 'ENODEV', 'EIO'].includes(error.code ?? '')) {
      return value;
    }
    throw error;
  };

const attribute = async (folder: string, name: string): Promise<string | undefined> =>
  (await readFile(join(folder, name), 'utf8').catch(absent(undefined)))?.trim();

const firstOf = async (folder: string, names: readonly string[]): Promise<string | undefined> => {
  for (const name of names) {
    const value = await attribute(folder, name);
    if (value) return value;
  }
  return undefined;
};

/** SCSI and SATA disks: vital product data page 0x80, a four-byte head and then ASCII (SPC-4, 7.8.15). */
const scsiSerial = async (folder: string): Promise<string | undefined> => {
  const page = await readFile(join(folder, 'device/vpd_pg80')).catch(absent(undefined));
  return page?.subarray(4).toString('latin1').replaceAll('\0', '').trim() || undefined;
};

/** The kernel's "naa.5000…" as udev and lsblk show it: 0x5000…. */
const wwnOf = (wwid: string | undefined): string | undefined => wwid?.replace(/^naa\./, '0x');

/** What is at `path`: a block device or a plain file of `size` bytes. Errors: `NoSuchDisk`, `NotADisk`. */
export const diskFile = async (
  path: string,
): Promise<{ block: boolean; rdev: number; size: number }> => {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new NamedError('NoSuchDisk', `no disk ${path}: ${cause.message}; check the name`, {
      cause,
    });
  });
  if (!found.isBlockDevice() && !found.isFile()) {
    throw new NamedError('NotADisk', `${path} is neither a block device nor an image file`);
  }
  return { block: found.isBlockDevice(), rdev: found.rdev, size: found.size };
};
