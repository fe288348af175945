/** Asks a network whether it has a DHCP server. Takes no address: it never requests what is offered. */
import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { guarded } from '../../system/guard.ts';
import type { Ipv4Interface } from '../../system/interfaces.ts';
import { NamedError } from '../../system/named-error.ts';

const SERVER_PORT = 67;
const CLIENT_PORT = 68;

/** Servers try for up to three seconds whether an address is free before they offer it. */
const ANSWER_MS = 4500;
const REPEAT_MS = 1500;

// RFC 2131 figure 1, RFC 2132.
const FIXED_BYTES = 236;
const COOKIE = Buffer.from([99, 130, 83, 99]);
const BOOT_REQUEST = 1;
const BOOT_REPLY = 2;
const ETHERNET = 1;
const MAC_BYTES = 6;
const FLAG_BROADCAST = 0x8000;
const OPTION_MESSAGE_TYPE = 53;
const OPTION_SERVER_IDENTIFIER = 54;
const OPTION_PARAMETERS = 55;
const OPTION_END = 255;
const DISCOVER = 1;
const LEAST_BYTES = 300;

const discover = (transaction: Buffer, mac: string): Buffer => {
  const packet = Buffer.alloc(LEAST_BYTES);
  packet.set([BOOT_REQUEST, ETHERNET, MAC_BYTES], 0);
  transaction.copy(packet, 4);
  packet.writeUInt16BE(FLAG_BROADCAST, 10);
  Buffer.from(mac.replaceAll(':', ''), 'hex').copy(packet, 28);
  COOKIE.copy(packet, FIXED_BYTES);
  // Subnet mask, router and server: what every client asks for.
  const options = [OPTION_MESSAGE_TYPE, 1, DISCOVER, OPTION_PARAMETERS, 3, 1, 3, 54, OPTION_END];
  packet.set(options, FIXED_BYTES + COOKIE.length);
  return packet;
};

/** Address of the server in an answer to our question; undefined for any other packet. */
export const serverOf = (
  packet: Buffer,
  transaction: Buffer,
  sender: string,
): string | undefined => {
  if (packet.length < FIXED_BYTES + COOKIE.length || packet[0] !== BOOT_REPLY) return undefined;
  if (!packet.subarray(4, 8).equals(transaction)) return undefined;
  let at = FIXED_BYTES + COOKIE.length;
  while (at < packet.length && packet[at] !== OPTION_END) {
    const length = packet[at] === 0 ? -1 : (packet[at + 1] ?? 0);
    if (packet[at] === OPTION_SERVER_IDENTIFIER && length === 4 && at + 6 <= packet.length) {
      return packet.subarray(at + 2, at + 6).join('.');
    }
    at += 2 + length;
  }
  return sender;
};

const bound = (address: string, signal: AbortSignal): Promise<Socket> =>
  new Promise((resolve, reject) => {
    // A DHCP client of this machine may listen there, too.
    const socket = createSocket({ type: 'udp4', reuseAddr: true, signal });
    socket.once('error', (cause) =>
      reject(
        new NamedError(
          'ProbeFailed',
          `cannot look for a DHCP server from ${address}:${CLIENT_PORT} (${cause.message}); say --mode dhcp or --mode proxy`,
          { cause },
        ),
      ),
    );
    socket.bind(CLIENT_PORT, address, () => resolve(socket));
  });

/**
 * Address of a DHCP server on this network, undefined when none answers within
 * some seconds. Rejects with the signal's reason.
 */
export const findDhcpServer = async (
  { address, mac }: Pick<Ipv4Interface, 'address' | 'mac'>,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  const transaction = randomBytes(4);
  try {
    const listener = await bound('0.0.0.0', ending);
    const sender = await bound(address, ending);
    sender.setBroadcast(true);
    const answer = new Promise<string>((resolve, reject) => {
      for (const socket of [listener, sender]) {
        socket.on('error', reject);
        const hear = (packet: Buffer, from: RemoteInfo): void => {
          const server = serverOf(packet, transaction, from.address);
          if (server !== undefined) resolve(server);
        };
        socket.on('message', guarded(hear, reject));
      }
    });
    const question = discover(transaction, mac);
    const silence = (async () => {
      for (let waitedMs = 0; waitedMs < ANSWER_MS; waitedMs += REPEAT_MS) {
        sender.send(question, SERVER_PORT, '255.255.255.255');
        await sleep(REPEAT_MS, undefined, { signal: ending });
      }
      return undefined;
    })();
    // Cut short when there is an answer.
    silence.catch(() => undefined);
    return await Promise.race([answer, silence]);
  } finally {
    over.abort();
    signal.throwIfAborted();
  }
};
