import { networkInterfaces } from 'node:os';

export interface Ipv4Interface {
  name: string;
  address: string;
  netmask: string;
  mac: string;
  broadcast: string;
}

/** A dotted IPv4 address as a number, to compare and to count. */
export const toNumber = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

export const toAddress = (value: number): string =>
  [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');

/**
 * IPv4 addresses of this machine. Loopback is listed only where there is
 * nothing else, or when `only` names one of its addresses.
 */
export const ipv4Interfaces = (only?: string): Ipv4Interface[] => {
  const found = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ family }) => family === 'IPv4')
      .map(({ address, netmask, mac, internal }) => ({
        name,
        address,
        netmask,
        mac,
        internal,
        broadcast: toAddress((toNumber(address) | ~toNumber(netmask)) >>> 0),
      })),
  );
  const wanted = only
    ? found.filter(({ address, internal }) => address === only || (internal && isLoopback(only)))
    : found.filter(({ internal }) => !internal);
  return (wanted.length > 0 ? wanted : found).map(({ internal, ...rest }) => rest);
};

const isLoopback = (address: string): boolean => address.startsWith('127.');

/** Orders dotted IPv4 addresses by value: 10.0.0.9 before 10.0.0.10. */
export const compareAddresses = (a: string, b: string): number => toNumber(a) - toNumber(b);
