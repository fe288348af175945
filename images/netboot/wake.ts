/** Wake-on-LAN: the packet that starts a sleeping machine. */
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { ipv4Interfaces } from '../../system/interfaces.ts';
import { NamedError } from '../../system/named-error.ts';

/** "Discard", as everybody uses: nobody listens, the network card looks at each packet. */
const PORT = 9;

/** A single datagram may get lost, and there is no answer. */
const TIMES = 3;
const APART_MS = 100;

const MAC_REPEATS = 16;

/** Six bytes of ones and sixteen times the MAC address (AMD's "Magic Packet"). */
export const magicPacket = (mac: string): Buffer => {
  const address = Buffer.from(mac.replaceAll(':', ''), 'hex');
  return Buffer.concat([Buffer.alloc(address.length, 0xff), ...Array(MAC_REPEATS).fill(address)]);
};

const bindTo = (address: string, signal: AbortSignal) => {
  const socket = createSocket({ type: 'udp4', signal });
  return new Promise<typeof socket>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, address, () => {
      socket.setBroadcast(true);
      resolve(socket);
    });
  });
};

/**
 * Sends the packets for these MAC addresses (lower case with colons) on every
 * network of this machine; returns the interfaces' names. Throws `NoNetwork`.
 */
export const wake = async (macs: readonly string[], signal: AbortSignal): Promise<string[]> => {
  const networks = ipv4Interfaces();
  if (networks.length === 0) {
    throw new NamedError('NoNetwork', 'this machine has no IPv4 address; bring up its network');
  }
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  try {
    const senders = await Promise.all(networks.map(({ address }) => bindTo(address, ending)));
    for (let sent = 0; sent < TIMES; sent += 1) {
      if (sent > 0) await sleep(APART_MS, undefined, { signal });
      const sending = senders.flatMap((socket) =>
        macs.map(
          (mac) =>
            new Promise<void>((resolve, reject) => {
              socket.send(magicPacket(mac), PORT, '255.255.255.255', (error) =>
                error ? reject(error) : resolve(),
              );
            }),
        ),
      );
      await Promise.all(sending);
    }
  } finally {
    over.abort();
  }
  return networks.map(({ name }) => name);
};
