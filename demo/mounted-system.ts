/** Mounts the system of a disk, read-only, the way its own fstab says. */
import { join } from 'node:path';
import { type DiskMounts, findMounts } from '../desc/disk-mounts.ts';
import { partitionDevice } from '../desc/partition-device.ts';
import { probeDisk } from '../desc/probe.ts';
import { toFailure } from '../protocol/failure.ts';
import { NamedError } from '../system/named-error.ts';
import type { Lab } from './lab.ts';
import { showPartitions } from './loop-disk.ts';

const subvolumeOf = (options: string): string[] =>
  options.split(',').filter((option) => /^subvol(id)?=/.test(option));

/**
 * Mounts the system of a disk below the lab's directory: its root file system,
 * and what its fstab has on this disk and this machine can mount, except file
 * systems of these types. Returns the directory. Gone with the lab, or by
 * `lab.unmount`. Throws `NoSystem`, `NotMountable`, `SeveralSystems`.
 */
export const mountSystem = async (
  lab: Lab,
  disk: string,
  name: string,
  { except = [] }: { except?: readonly string[] } = {},
): Promise<string> => {
  await showPartitions(disk);
  const facts = await probeDisk(disk, 'sda');
  const found = await findMounts([{ facts, named: false }]);
  if (!found.hasSystem) throw noSystem(name, disk, found);
  for (const { place, mount, options } of found.mounts) {
    const { number, filesystem } = place.partition;
    if (except.includes(filesystem?.type ?? '')) continue;
    const how = ['ro', ...subvolumeOf(options)].join(',');
    await lab
      .mount(partitionDevice(disk, number), join(name, mount), how)
      .catch((cause: unknown) => {
        const why = toFailure(cause).message.split('\n').at(-1);
        throw new NamedError(
          'NotMountable',
          `${name}: partition ${number} (${filesystem?.type}, ${mount}) cannot be mounted; was it unmounted when the image was taken? ${why}`,
          { cause },
        );
      });
  }
  return join(lab.directory, name);
};

const noSystem = (name: string, disk: string, { notes }: DiskMounts): NamedError => {
  const seen = notes.length > 0 ? `: ${notes.join('; ')}` : '';
  return new NamedError(
    'NoSystem',
    `${name}: no file system on ${disk} holds a system (an etc/fstab)${seen}`,
  );
};
