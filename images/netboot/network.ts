/** The network to serve: its interface, and which addresses to give. */
import { existsSync } from 'node:fs';
import {
  type Ipv4Interface,
  ipv4Interfaces,
  toAddress,
  toNumber,
} from '../../system/interfaces.ts';
import { NamedError } from '../../system/named-error.ts';
import { isIpv4, isPrivate } from './ipv4.ts';

export interface AddressRange {
  from: string;
  to: string;
}

/** Smaller networks are laid out by hand, address by address. */
const LEAST_ADDRESSES = 16;

const listed = (networks: readonly Ipv4Interface[]): string =>
  networks.map(({ name, address }) => `${name} (${address})`).join(', ');

/**
 * Finds the one interface that is meant. Throws `NoNetwork` when there is none
 * such, `WhichNetwork` when there are several.
 */
export const findNetwork = (wanted: {
  interface: string | undefined;
  address: string | undefined;
}): Ipv4Interface => {
  // Loopback is listed where there is nothing else.
  const all = ipv4Interfaces().filter((network) => !network.address.startsWith('127.'));
  const { interface: name, address } = wanted;
  const found = all.filter(
    (network) =>
      (name === undefined || network.name === name) &&
      (address === undefined || network.address === address),
  );
  const [network, ...others] = found;
  if (network && others.length === 0) return network;
  if (network) {
    const option = name === undefined ? '--interface' : '--address';
    throw new NamedError('WhichNetwork', `this machine has ${listed(found)}; say which: ${option}`);
  }
  const has = `this machine has ${listed(all) || 'no network that is up'}`;
  if (address !== undefined) {
    const where = name === undefined ? '' : ` on ${name}`;
    throw new NamedError('NoNetwork', `address ${address} is not${where}; ${has}`);
  }
  if (name === undefined) throw new NamedError('NoNetwork', `${has}; bring one up first`);
  const why = existsSync(`/sys/class/net/${name}`)
    ? `interface ${name} has no IPv4 address; give it one first (${has})`
    : `there is no interface ${name}; ${has}`;
  throw new NamedError('NoNetwork', why);
};

const bounds = ({
  address,
  netmask,
}: Pick<Ipv4Interface, 'address' | 'netmask'>): { first: number; size: number } => {
  const size = 2 ** 32 - toNumber(netmask);
  return { first: Math.floor(toNumber(address) / size) * size, size };
};

/** Address of the network itself: 10.0.0.0. */
export const networkAddress = (network: Pick<Ipv4Interface, 'address' | 'netmask'>): string =>
  toAddress(bounds(network).first);

/** Throws `BadRange` unless both ends are addresses for machines of this network, in order. */
export const checkRange = (network: Ipv4Interface, { from, to }: AddressRange): AddressRange => {
  const { first, size } = bounds(network);
  const least = first + 1;
  const most = first + size - 2;
  for (const end of [from, to]) {
    if (!isIpv4(end)) throw new NamedError('BadRange', `--range: "${end}" is not an IPv4 address`);
    if (toNumber(end) < least || toNumber(end) > most) {
      const message = `--range: ${end} is outside the network of ${network.name}; choose from ${toAddress(least)} to ${toAddress(most)}`;
      throw new NamedError('BadRange', message);
    }
  }
  if (toNumber(from) <= toNumber(to)) return { from, to };
  throw new NamedError('BadRange', `--range: ${from} comes after ${to}; give the lower one first`);
};

/**
 * Addresses to give when none were named: the upper half of a private network.
 * Throws `NeedRange` where that would be a guess.
 */
export const defaultRange = (network: Ipv4Interface): AddressRange => {
  const { first, size } = bounds(network);
  if (!isPrivate(network.address) || size < LEAST_ADDRESSES) {
    const kind = isPrivate(network.address) ? 'small' : 'public';
    const message = `the network of ${network.name} (${network.address}) is ${kind}; say which addresses to give: --range FROM,TO`;
    throw new NamedError('NeedRange', message);
  }
  return { from: toAddress(first + size / 2), to: toAddress(first + size - 2) };
};
