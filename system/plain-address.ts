/** A peer's IP address as it is usually written: IPv4 also where the socket is one for IPv6. */
import { isIPv6 } from 'node:net';

export const plainAddress = ({ remoteAddress }: { remoteAddress?: string | undefined }): string =>
  (remoteAddress ?? '').replace(/^::ffff:/, '');

/** Groups of 16 bits of an IPv6 address, without a zone; RFC 4291, 2.2. */
const groupsOf = (address: string): string[] => {
  const [before = '', after] = address.replace(/%.*/, '').split('::');
  const [head, tail] = [before, after ?? ''].map((part) => part.split(':').filter(Boolean));
  if (!head || !tail) return [];
  const missing = after === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  return [...head, ...Array<string>(missing).fill('0'), ...tail];
};

/**
 * What counts as one peer where peers are counted: an IPv4 address, or the 64 bits
 * of an IPv6 one that say the network, as every machine may take any of the others.
 */
export const peerPlace = (address: string): string =>
  isIPv6(address)
    ? `${groupsOf(address)
        .slice(0, 4)
        .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
        .join(':')}::/64`
    : address;
