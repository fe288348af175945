/** The facts of real disks: any naming, no udev, with or without the kernel's own view of the partitions. */
import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import type { CommandLog, RunOptions } from '../system/run.ts';
import { probeFilesystem } from './blkid.ts';
import { diskUse, fileUse } from './disk-use.ts';
import type { DiskFacts, PartitionFacts } from './facts.ts';
import { partitionDevice } from './partition-device.ts';
import { extendedTypes } from './partition-types.ts';
import { readTable, type Table, type TablePartition } from './sfdisk-table.ts';
import { diskFile, diskNames, kernelDisk } from './sysfs-disk.ts';

export interface ProbeOptions {
  signal?: AbortSignal | undefined;
  log?: CommandLog | undefined;
}

/** Programs that are called for it. */
export const PROBE_TOOLS: readonly string[] = ['sfdisk', 'blkid'];

/** One probe looks at a few sectors; a disk that does not answer in this time is broken. */
const PROBE_TIMEOUT_MS = 60_000;

/** Sector size sfdisk and loop devices take for a plain file. */
const FILE_SECTOR_BYTES = 512;

/**
 * Facts of one disk: a block device (or a link to one), or a disk image file.
 * Reads only. `name` is what descriptions call it; default: the device's own
 * name (sda, nvme0n1), of an image file its name without extension.
 *
 * Throws `NamedError`: `NoSuchDisk`, `NotADisk` (a partition, a folder),
 * `TableUnreadable`, and those of `run`.
 */
export const probeDisk = async (
  path: string,
  name?: string,
  options: ProbeOptions = {},
): Promise<DiskFacts> => {
  const runOptions: RunOptions = { ...options, timeoutMs: PROBE_TIMEOUT_MS };
  const found = await diskFile(path);
  const device = await realpath(path);
  const disk = found.block
    ? await blockFacts(device, found.rdev)
    : await fileFacts(device, found.size);
  if (disk.sizeBytes === 0) {
    throw new NamedError('NotADisk', `${path} has no size; is there a medium in it?`);
  }
  const table = await readTable(device, runOptions);
  const sectorBytes = table?.sectorBytes ?? disk.sectorBytes;
  return {
    ...disk,
    name: name ?? disk.name,
    device,
    sectorBytes,
    table: table?.kind ?? 'none',
    ...(table?.id === undefined ? {} : { tableId: table.id }),
    partitions: table ? await partitionFacts(device, table, sectorBytes, runOptions) : [],
  };
};

/**
 * Facts of every disk of this machine that could hold a system; see `diskNames`.
 * A disk that cannot be read is in the list, with the reason in `inUse`.
 */
export const probeDisks = async (options: ProbeOptions = {}): Promise<DiskFacts[]> => {
  const names = (await diskNames()).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const facts: DiskFacts[] = [];
  for (const name of names) {
    const device = `/dev/${name}`;
    facts.push(await probeDisk(device, name, options).catch((error) => unreadable(device, error)));
  }
  return facts;
};

const unreadable = async (device: string, error: unknown): Promise<DiskFacts> => {
  if (!(error instanceof NamedError) || error.code !== 'TableUnreadable') throw error;
  const disk = await blockFacts(device, (await diskFile(device)).rdev);
  return { ...disk, inUse: [...disk.inUse, error.message], device, table: 'other', partitions: [] };
};

type DiskPart = Omit<DiskFacts, 'device' | 'table' | 'partitions' | 'tableId'>;

const blockFacts = async (device: string, rdev: number): Promise<DiskPart> => {
  const disk = await kernelDisk(device, rdev);
  const { name, sizeBytes, sectorBytes, readOnly, model, serial, wwn } = disk;
  return {
    name,
    sizeBytes,
    sectorBytes,
    readOnly,
    ...(model === undefined ? {} : { model }),
    ...(serial === undefined ? {} : { serial }),
    ...(wwn === undefined ? {} : { wwn }),
    inUse: await diskUse(device, disk),
  };
};

/** A disk name from a path: last part, no extension, and only what `DiskSpec.name` allows. */
export const nameFor = (path: string): string =>
  basename(path)
    .replace(/\.[^.]*$/, '')
    .replace(/[^A-Za-z0-9_-]/g, '-');

const fileFacts = async (file: string, sizeBytes: number): Promise<DiskPart> => ({
  name: nameFor(file),
  sizeBytes: sizeBytes - (sizeBytes % FILE_SECTOR_BYTES),
  sectorBytes: FILE_SECTOR_BYTES,
  readOnly: false,
  inUse: await fileUse(file),
});

const partitionFacts = async (
  device: string,
  table: Table,
  sectorBytes: number,
  options: RunOptions,
): Promise<PartitionFacts[]> => {
  const facts: PartitionFacts[] = [];
  for (const partition of table.partitions) {
    const isExtended = table.kind === 'msdos' && extendedTypes.includes(partition.type);
    const range = byteRange(partition, sectorBytes);
    const filesystem = isExtended ? null : await probeFilesystem(device, range, options);
    facts.push({
      ...partition,
      device: partitionDevice(device, partition.number),
      ...(filesystem === null ? {} : { filesystem }),
    });
  }
  return facts;
};

const byteRange = (
  { startSector, sizeSectors }: TablePartition,
  sectorBytes: number,
): { offset: number; size: number } => ({
  offset: startSector * sectorBytes,
  size: sizeSectors * sectorBytes,
});
