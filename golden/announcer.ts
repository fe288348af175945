/** Tells the network that a session is open: each second, and to whoever asks. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { OFFER_GROUP, OFFER_INTERVAL_MS } from '../protocol/constants.ts';
import { type Offer, Query } from '../protocol/offer.ts';
import { parseMessage } from '../protocol/parse-message.ts';
import { guarded } from '../system/guard.ts';
import { ipv4Interfaces } from '../system/interfaces.ts';
import { NamedError } from '../system/named-error.ts';
import { type Rations, rations } from '../system/rations.ts';

export interface AnnouncerOptions {
  /** UDP port of offers and queries. */
  port: number;
  /** Announce only from this address; all IPv4 interfaces without it. */
  address: string | undefined;
  offer: () => Offer;
  signal: AbortSignal;
  onError: (error: Error) => void;
}

/** An agent asks each two seconds; whoever gets no answer hears the next offer to all within one. */
const ANSWERS: Rations = {
  perAddress: { burst: 5, perSecond: 1 },
  total: { burst: 200, perSecond: 100 },
};

/** Longest datagram that may be a query, in bytes. */
const MAX_QUERY_BYTES = 256;

const bind = (socket: Socket, port: number, address?: string): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port, ...(address ? { address } : {}) }, () => {
      socket.off('error', reject);
      resolve();
    });
  });

/**
 * Starts announcing; ends when `signal` fires. One sender per interface, so
 * that a golden with several networks is heard on all of them.
 */
export const announce = async (options: AnnouncerOptions): Promise<void> => {
  const { port, address, offer, signal, onError } = options;
  const interfaces = ipv4Interfaces(address);
  if (interfaces.length === 0) {
    throw new NamedError('NoNetwork', 'this machine has no IPv4 address; bring up its network');
  }
  const listener = createSocket({ type: 'udp4', reuseAddr: true });
  await bind(listener, port);
  const senders = await Promise.all(
    interfaces.map(async (network) => {
      const socket = createSocket('udp4');
      await bind(socket, 0, network.address);
      socket.setBroadcast(true);
      socket.setMulticastInterface(network.address);
      socket.setMulticastTTL(1);
      return { socket, network };
    }),
  );
  // Sending throws for what cannot be an address, and tells the rest later. A network
  // that drops multicast or broadcast must not stop the other one.
  const send = guarded((socket: Socket, host: string, toPort: number) => {
    socket.send(JSON.stringify(offer()), toPort, host, (error) => error && onError(error));
  }, onError);
  const announceAll = () => {
    for (const { socket, network } of senders) {
      send(socket, OFFER_GROUP, port);
      send(socket, network.broadcast, port);
    }
  };
  for (const { address: own } of interfaces) listener.addMembership(OFFER_GROUP, own);
  const mayAnswer = rations(ANSWERS);
  const answer = (message: Buffer, { address: to, port: toPort }: RemoteInfo): void => {
    // Nobody can be answered at port 0, though it can be sent from.
    if (toPort === 0 || message.length > MAX_QUERY_BYTES) return;
    if (parseMessage(Query, message.toString()) && mayAnswer(to)) send(listener, to, toPort);
  };
  listener.on('message', guarded(answer, onError));
  for (const socket of [listener, ...senders.map((sender) => sender.socket)]) {
    socket.on('error', onError);
  }
  const timer = setInterval(announceAll, OFFER_INTERVAL_MS);
  announceAll();
  signal.addEventListener(
    'abort',
    () => {
      clearInterval(timer);
      listener.close();
      for (const { socket } of senders) socket.close();
    },
    { once: true },
  );
};
