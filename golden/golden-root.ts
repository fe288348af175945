/** What the golden is: the file systems of the system to clone, and its disks. */
import { stat, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { PartitionFacts } from '../desc/facts.ts';
import type { GoldenDisk } from '../desc/golden-disk.ts';
import { type FstabEntry, parseFstab } from '../desc/mounts.ts';
import { probeDisk } from '../desc/probe.ts';
import { diskFile, kernelDisk } from '../desc/sysfs-disk.ts';
import { readInside } from '../system/inside.ts';
import { NamedError } from '../system/named-error.ts';
import { type GoldenMount, readGoldenMounts } from './golden-mounts.ts';

export interface GoldenRoot {
  /** Directory of the system: "/" or the one given by --root. */
  path: string;
  hostname: string;
  fstab: readonly FstabEntry[];
  /** All that is mounted in the system. */
  mounts: readonly GoldenMount[];
  /** Used bytes by mount point, for file systems of their own. */
  usedBytes: ReadonlyMap<string, number>;
}

/** A file of the system in `root`: a link in it does not lead out to this machine's own. */
const readOf = async (root: string, path: string): Promise<string> =>
  Buffer.from((await readInside(root, path)) ?? '', 'latin1').toString('utf8');

/** A host name as it is found in the wild: with underscores, too. */
const WORD = /^[\w.-]{1,253}$/;

/** hostname(5): one name, comments before it. */
const hostnameOf = async (path: string): Promise<string> => {
  const lines = (await readOf(path, '/etc/hostname')).split('\n');
  const written = lines.map((line) => line.trim()).find((line) => WORD.test(line));
  return written ?? (path === '/' ? hostname() : 'golden');
};

const usedBytesOf = async (directory: string): Promise<number> => {
  const { blocks, bfree, bsize } = await statfs(directory);
  return (blocks - bfree) * bsize;
};

/** The file systems that have their own place in the system. */
export const ownMounts = ({ mounts }: Pick<GoldenRoot, 'mounts'>): GoldenMount[] =>
  mounts.filter(({ role }) => role === 'own');

/**
 * Looks at the system in `root`; reads no disk. Throws `NoSuchRoot` when there
 * is no directory.
 */
export const readGoldenRoot = async (root: string): Promise<GoldenRoot> => {
  const path = resolve(root);
  const entry = await stat(path).catch(() => undefined);
  if (!entry?.isDirectory()) {
    throw new NamedError('NoSuchRoot', `--root ${root}: there is no such directory`);
  }
  const fstab = parseFstab(await readOf(path, '/etc/fstab'));
  const mounts = await readGoldenMounts(path, fstab);
  const usedBytes = new Map<string, number>();
  for (const { mount, directory } of ownMounts({ mounts })) {
    usedBytes.set(mount, await usedBytesOf(directory));
  }
  return {
    path,
    hostname: await hostnameOf(path),
    fstab,
    mounts,
    usedBytes,
  };
};

/**
 * Facts of these disks of the golden, under their kernel names, and where their
 * partitions are mounted. Throws `StaleTable`.
 */
export const readGoldenDisks = (
  golden: GoldenRoot,
  devices: Iterable<string>,
): Promise<GoldenDisk[]> =>
  Promise.all([...new Set(devices)].map((device) => goldenDisk(golden, device)));

const goldenDisk = async (golden: GoldenRoot, device: string): Promise<GoldenDisk> => {
  const facts = await probeDisk(device);
  const mounted = ownMounts(golden).filter(({ disk }) => disk === device);
  const { partitions } = await kernelDisk(device, (await diskFile(device)).rdev);
  const use: GoldenDisk['use'] = {};
  for (const { device: partition, mount, type, root } of mounted) {
    const found = facts.partitions.find((candidate) => candidate.device === partition);
    const shown = partitions.find(({ name }) => `/dev/${name}` === partition);
    if (!found || !shown || !isAt(shown, found, facts.sectorBytes)) {
      throw new NamedError(
        'StaleTable',
        `${partition} is mounted on ${mount}, but not where the partition table of ${device} has it now; restart the golden so that its kernel reads the table, then start again`,
      );
    }
    const options = golden.fstab.find((entry) => entry.mount === mount)?.options;
    const used = golden.usedBytes.get(mount);
    use[found.number] = {
      mount,
      ...(used === undefined ? {} : { usedBytes: used }),
      ...(options === undefined ? {} : { mountOptions: options }),
      ...(type === 'btrfs' && root !== '/' ? { subvolume: root } : {}),
    };
  }
  return { ...facts, use };
};

const isAt = (
  shown: { startBytes: number; sizeBytes: number },
  { startSector, sizeSectors }: PartitionFacts,
  sectorBytes: number,
): boolean =>
  shown.startBytes === startSector * sectorBytes && shown.sizeBytes === sizeSectors * sectorBytes;
