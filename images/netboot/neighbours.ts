import { readFile } from 'node:fs/promises';

const NO_MAC = '00:00:00:00:00:00';

/** MAC address of a machine on our network, from the kernel's table (proc(5), net/arp). */
export const macOfAddress = async (address: string): Promise<string | undefined> => {
  const table = await readFile('/proc/net/arp', 'utf8');
  for (const line of table.split('\n').slice(1)) {
    const [host, , , mac] = line.split(/\s+/);
    if (host === address && mac !== undefined && mac !== NO_MAC) return mac;
  }
  return undefined;
};
