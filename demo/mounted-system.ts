/** Mounts the system of a disk, read-only, the way its own fstab says. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import type { Lab } from './lab.ts';
import { showPartitions } from './loop-disk.ts';

interface Filesystem {
  device: string;
  uuid: string;
  type: string;
}

const listFilesystems = async (disk: string): Promise<Filesystem[]> => {
  const { stdout } = await run('partx', ['--raw', '--noheadings', '--output', 'NR', disk]);
  const devices = stdout
    .split('\n')
    .filter(Boolean)
    .map((number) => `${disk}p${number.trim()}`);
  const found: Filesystem[] = [];
  for (const device of devices) {
    // blkid exits 2 when it finds nothing on a partition.
    const probe = await run('blkid', ['-p', '-o', 'export', device], { okExitCodes: [0, 2] });
    const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(probe.stdout)?.[1] ?? '';
    if (value('USAGE') === 'filesystem')
      found.push({ device, uuid: value('UUID'), type: value('TYPE') });
  }
  return found;
};

/**
 * Mounts the root file system of a disk below the lab's directory, then what its
 * fstab mounts by UUID below it, except file systems of these types. Returns the
 * directory. Gone with the lab, or by `lab.unmount`.
 */
export const mountSystem = async (
  lab: Lab,
  disk: string,
  name: string,
  { except = [] }: { except?: readonly string[] } = {},
): Promise<string> => {
  await showPartitions(disk);
  const filesystems = (await listFilesystems(disk)).filter(({ type }) => !except.includes(type));
  for (const { device } of filesystems) {
    const root = await lab.mount(device, name, 'ro');
    if (!existsSync(join(root, 'etc/fstab'))) {
      await lab.unmount(root);
      continue;
    }
    const fstab = await readFile(join(root, 'etc/fstab'), 'utf8');
    const entries = [...fstab.matchAll(/^UUID=(\S+)\s+(\/\S+)\s+(\S+)\s/gm)].filter(
      ([, , , type = '']) => !except.includes(type),
    );
    for (const [, uuid = '', place = ''] of entries.sort(
      ([, , a = ''], [, , b = '']) => a.length - b.length,
    )) {
      const found = filesystems.find((filesystem) => filesystem.uuid === uuid);
      if (!found)
        throw new NamedError(
          'NoSuchFilesystem',
          `${name}: /etc/fstab mounts ${place} from UUID ${uuid}, which is not on ${disk}`,
        );
      await lab.mount(found.device, join(name, place), 'ro');
    }
    return root;
  }
  throw new NamedError('NoSystem', `${name}: no file system on ${disk} holds an /etc/fstab`);
};
