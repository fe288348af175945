/** Understands what dnsmasq logs about machines that boot. */

/** One machine was told what to boot. */
export interface BootOffer {
  mac: string;
  /** Undefined when another server gives it. */
  address: string | undefined;
  /** In words: "BIOS", "UEFI", "iPXE". */
  firmware: string;
  /** Whether it got the script for iPXE, a boot loader, or nothing (it asked for an address only). */
  given: 'script' | 'loader' | 'address';
}

/** Whether an admin should see this line. A firmware that only asks for a file's size breaks off (8). */
export const isTrouble = (line: string): boolean =>
  /warning|error|failed|no address/i.test(line) && !/error 8 /.test(line);

interface Asking {
  tags: readonly string[];
  proxied: string | undefined;
}

/** Questions that never came to an end are forgotten beyond this number. */
const OPEN_QUESTIONS = 1000;

const offerOf = (mac: string, address: string | undefined, tags: readonly string[]): BootOffer => {
  const firmware = ['ipxe', 'bios', 'uefi', 'http'].find((tag) => tags.includes(tag));
  const words = { ipxe: 'iPXE', bios: 'BIOS', uefi: 'UEFI', http: 'UEFI HTTP' };
  const given = tags.includes('script') ? 'script' : firmware ? 'loader' : 'address';
  const name = firmware as keyof typeof words | undefined;
  return { mac, address, firmware: name ? words[name] : '', given };
};

/**
 * Returns a function that takes line after line and returns an offer when one is
 * complete. With log-dhcp each line has the transaction's number; "tags:" comes
 * before "DHCPACK(eth0) ADDRESS MAC", and after "PXE(eth0) MAC proxy".
 */
export const bootOfferReader = (): ((line: string) => BootOffer | undefined) => {
  const asking = new Map<string, Asking>();
  return (line) => {
    const [, id, text] = /^dnsmasq-dhcp\[\d+\]: (\d+) (.*)$/.exec(line.trim()) ?? [];
    if (id === undefined || text === undefined) return undefined;
    const known = asking.get(id) ?? { tags: [], proxied: undefined };
    const [, address, acknowledged] = /^DHCPACK\(\S+\) (\S+) ([0-9a-f:]{17})/.exec(text) ?? [];
    if (acknowledged !== undefined) {
      asking.delete(id);
      return offerOf(acknowledged, address, known.tags);
    }
    const [, proxied] = /^PXE\(\S+\) ([0-9a-f:]{17})/.exec(text) ?? [];
    const [, list] = /^tags: (.*)$/.exec(text) ?? [];
    if (list !== undefined && known.proxied !== undefined) {
      asking.delete(id);
      return offerOf(known.proxied, undefined, list.split(', '));
    }
    if (proxied === undefined && list === undefined) return undefined;
    asking.delete(id);
    asking.set(id, { tags: list?.split(', ') ?? known.tags, proxied });
    const [oldest] = asking.keys();
    if (asking.size > OPEN_QUESTIONS && oldest !== undefined) asking.delete(oldest);
    return undefined;
  };
};
