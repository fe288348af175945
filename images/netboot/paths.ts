/** Where network boot keeps its things, below `pxe/` of the state directory. */
import { join } from 'node:path';
import { stateDirectory } from '../../system/state-directory.ts';

const below = (name: string): string => join(stateDirectory(), 'pxe', name);

/** What to boot: the only state, all boot files are made from it. */
export const labelsFile = (): string => below('labels.json');

/** Who serves: the last `ka pxe serve` on this machine. */
export const servingFile = (): string => below('serving.json');

/** What is served by TFTP and HTTP: boot loaders and the files they read. */
export const bootDirectory = (): string => below('boot');

export const dnsmasqFile = (): string => below('dnsmasq.conf');

/** The site's own dnsmasq settings; read, never written. */
export const siteDirectory = (): string => below('dnsmasq.d');

export const leaseFile = (): string => below('dnsmasq.leases');

export const lockFile = (): string => below('lock');
