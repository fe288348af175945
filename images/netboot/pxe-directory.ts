/** Makes the directories of network boot, each with the doors it needs. */
import { chmodSync, chownSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PRIVATE_FILE } from '../../system/private-files.ts';
import { openStateDirectory } from '../../system/state-directory.ts';
import type { DnsmasqUser } from './dnsmasq-user.ts';
import { bootDirectory, leaseFile, siteDirectory } from './paths.ts';

/** dnsmasq passes through to what it knows by name, and sees nothing else. */
const PASSABLE = 0o711;

const PUBLIC = 0o755;

/** What pxelinux looks into by this name. */
export const PXELINUX_DIRECTORY = 'pxelinux.cfg';

const make = (directory: string, mode: number): void => {
  mkdirSync(directory, { recursive: true });
  // Whatever the umask, and whatever an older ka left.
  chmodSync(directory, mode);
};

/** To be called before anything is written there. The site's own directory keeps the mode it has. */
export const openPxeDirectory = (): void => {
  openStateDirectory();
  const boot = bootDirectory();
  make(dirname(boot), PASSABLE);
  for (const name of ['', PXELINUX_DIRECTORY]) make(join(boot, name), PUBLIC);
  mkdirSync(siteDirectory(), { recursive: true, mode: PUBLIC });
};

/** The one file dnsmasq writes. */
export const openLeases = ({ uid, gid }: DnsmasqUser): void => {
  closeSync(openSync(leaseFile(), 'a', PRIVATE_FILE));
  chmodSync(leaseFile(), PRIVATE_FILE);
  chownSync(leaseFile(), Number(uid), Number(gid));
};
