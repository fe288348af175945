import { readFile } from 'node:fs/promises';
import { Mac } from '../../system/names.ts';

const NO_MAC = '00:00:00:00:00:00';

/**
 * MAC address of a machine on the network of interface `device`, from the
 * kernel's table (proc(5), net/arp). Undefined for machines behind a router and
 * on other networks of this machine, where the address may be somebody else's.
 */
export const macOfAddress = async (
  address: string,
  device: string,
): Promise<string | undefined> => {
  const table = await readFile('/proc/net/arp', 'utf8');
  for (const line of table.split('\n').slice(1)) {
    const [host, , , mac, , where] = line.trim().split(/\s+/);
    if (host === address && where === device && mac !== NO_MAC) return Mac.safeParse(mac).data;
  }
  return undefined;
};
