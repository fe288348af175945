/** What this machine tells the golden of itself. */
import { existsSync } from 'node:fs';
import { arch, cpus, hostname, release, totalmem } from 'node:os';
import { DiskFacts } from '../desc/facts.ts';
import { probeDisk, probeDisks } from '../desc/probe.ts';
import { type Inventory, MAX_MACS } from '../protocol/inventory.ts';
import { ipv4Interfaces } from '../system/interfaces.ts';
import { NamedError } from '../system/named-error.ts';

export interface InventoryOptions {
  /** Name in the description → device. Empty = all disks under their own names. */
  disks: ReadonlyMap<string, string>;
  /** A node that clones into a directory, or has no drivers yet, has no disks to offer. */
  withoutDisks: boolean;
  address: string | undefined;
}

const NO_MAC = '00:00:00:00:00:00';

/** A plan is for devices only: an image file is offered through a loop device. */
const probeOffered = async (name: string, device: string): Promise<DiskFacts> => {
  const facts = await probeDisk(device, name);
  if (facts.device.startsWith('/dev/')) return facts;
  throw new NamedError('NotADisk', `${device} is no device; attach it first: losetup -f ${device}`);
};

const disksOf = async ({ disks, withoutDisks }: InventoryOptions): Promise<Inventory['disks']> => {
  if (withoutDisks) return [];
  if (disks.size === 0) return probeDisks();
  return Promise.all([...disks].map(([name, device]) => probeOffered(name, device)));
};

/** Reads the machine's facts. Throws when a disk given by hand cannot be probed. */
export const takeInventory = async (options: InventoryOptions): Promise<Inventory> => ({
  hostname: hostname(),
  macs: [...new Set(ipv4Interfaces(options.address).map(({ mac }) => mac))].filter(
    (mac) => mac !== NO_MAC,
  ),
  firmware: existsSync('/sys/firmware/efi') ? 'uefi' : 'bios',
  memoryBytes: totalmem(),
  cores: cpus().length,
  kernel: `${release()} ${arch()}`,
  disks: await disksOf(options),
});

/** Paths of the disks in it. */
export const devicesOf = ({ disks }: Inventory): string[] =>
  disks.map((disk) => DiskFacts.parse(disk).device);

/** MAC addresses with that of the interface first which the golden is reached from; no more than it takes. */
export const firstReaching = (macs: readonly string[], address: string): string[] => {
  const mac = ipv4Interfaces().find((candidate) => candidate.address === address)?.mac ?? '';
  const sorted = macs.includes(mac) ? [mac, ...macs.filter((other) => other !== mac)] : macs;
  return sorted.slice(0, MAX_MACS);
};
