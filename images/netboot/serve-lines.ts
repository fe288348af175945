/** What `ka pxe serve` says of the machines it serves, one line an event. */
import type { BootOffer } from './dnsmasq-log.ts';
import type { Download } from './file-server.ts';
import type { MenuGiven } from './menus.ts';
import { macOfAddress } from './neighbours.ts';

const MIB = 1024 * 1024;

export const describeOffer = ({ mac, address, firmware, given }: BootOffer): string => {
  const who = address === undefined ? mac : `${mac} ${address}`;
  if (given === 'address') return `${who}  asked for an address only`;
  return `${who}  ${firmware}, gets the ${given === 'script' ? 'boot script' : 'boot loader'}`;
};

const size = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

const lineOf = ({ file, state, bytes, milliseconds }: Download): string | undefined => {
  const image = /^images\/([^/]+)\/(vmlinuz|initrd\.img)$/.exec(file);
  if (!image) return undefined;
  const what = `${image[2] === 'vmlinuz' ? 'kernel' : 'initrd'} of "${image[1]}"`;
  if (state === 'start') return `fetches the ${what}, ${size(bytes)}`;
  if (state === 'finish') return `has the ${what}, in ${(milliseconds / 1000).toFixed(1)} s`;
  return `broke off the ${what} after ${size(bytes)}`;
};

/** Undefined for what is not worth a line. `device`: the interface that is served. */
export const describeDownload = async (
  download: Download,
  device: string,
): Promise<string | undefined> => {
  const line = lineOf(download);
  if (line === undefined) return undefined;
  const mac = await macOfAddress(download.client, device);
  return `${mac === undefined ? '' : `${mac} `}${download.client}  ${line}`;
};

export const describeMenu = ({ mac, client, label }: MenuGiven): string =>
  mac === undefined
    ? `${client}  reads a boot menu: ${label}, without a ticket, as its MAC address is not known here; it will ask by code`
    : `${mac} ${client}  reads its boot menu: ${label}`;
