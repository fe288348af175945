/** Finds the golden: five tries, as the original did. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import {
  DISCOVERY_TRIES,
  DISCOVERY_TRY_MS,
  OFFER_GROUP,
  PROTOCOL_VERSION,
} from '../protocol/constants.ts';
import { Offer, type Query } from '../protocol/offer.ts';
import { parseMessage } from '../protocol/parse-message.ts';
import { ipv4Interfaces } from '../system/interfaces.ts';
import { NamedError } from '../system/named-error.ts';

export interface FoundGolden {
  host: string;
  port: number;
  fingerprint: string;
  session: string;
}

export interface DiscoverOptions {
  /** UDP port of offers. */
  port: number;
  /** Wanted session; null = any. */
  session: string | null;
  /** Accept only this golden. */
  fingerprint: string | undefined;
  /** Look only on the network of this address. */
  address: string | undefined;
  signal: AbortSignal;
  onTry: (number: number, of: number) => void;
  /** Hears once of each golden that was seen and not taken, and why. */
  onRefused: (why: string) => void;
}

/** Why an offer is not for us, in words; undefined = take it. */
const refusal = (offer: Offer, from: string, options: DiscoverOptions): string | undefined => {
  if (offer.protocol !== PROTOCOL_VERSION) {
    return `golden at ${from} speaks protocol ${offer.protocol}, this agent ${PROTOCOL_VERSION}; boot this node with the golden's own image`;
  }
  if (options.session !== null && offer.session !== options.session) {
    return `golden at ${from} has session "${offer.session}", not "${options.session}"`;
  }
  if (options.fingerprint !== undefined && offer.fingerprint !== options.fingerprint) {
    return `golden at ${from} has another key (${offer.fingerprint.slice(0, 17)}…) than this node was booted for`;
  }
  return undefined;
};

const openSockets = (options: DiscoverOptions, onMessage: (m: Buffer, r: RemoteInfo) => void) => {
  const interfaces = ipv4Interfaces(options.address);
  const listener = createSocket({ type: 'udp4', reuseAddr: true });
  listener.on('message', onMessage);
  listener.bind(options.port, () => {
    for (const { address } of interfaces) listener.addMembership(OFFER_GROUP, address);
  });
  const askers = interfaces.map((network) => {
    const socket = createSocket('udp4');
    socket.on('message', onMessage);
    socket.bind(0, network.address, () => {
      socket.setBroadcast(true);
      socket.setMulticastInterface(network.address);
    });
    return { socket, network };
  });
  return { listener, askers };
};

/**
 * Listens for offers and asks for them. Throws `NoGolden` ("Can't reach a valid
 * KA server") after the last try, naming any session that was seen and why it
 * was not taken.
 */
export const discoverGolden = (options: DiscoverOptions): Promise<FoundGolden> =>
  new Promise((resolve, reject) => {
    const seen = new Map<string, string>();
    let tries = 0;
    const sockets: Socket[] = [];
    const end = (finish: () => void) => {
      clearInterval(timer);
      options.signal.removeEventListener('abort', onAbort);
      for (const socket of sockets) socket.close();
      finish();
    };
    const onAbort = () =>
      end(() => reject(new NamedError('Aborted', 'the search for a golden was stopped')));
    const onMessage = (message: Buffer, from: RemoteInfo) => {
      const offer = parseMessage(Offer, message.toString());
      if (!offer) return;
      const host = offer.host ?? from.address;
      const why = refusal(offer, host, options);
      if (why) {
        if (seen.get(host) !== why) options.onRefused(why);
        seen.set(host, why);
        return;
      }
      const { port, fingerprint, session } = offer;
      end(() => resolve({ host, port, fingerprint, session }));
    };
    const { listener, askers } = openSockets(options, onMessage);
    sockets.push(listener, ...askers.map(({ socket }) => socket));
    const fail = (error: Error) =>
      end(() =>
        reject(
          new NamedError('NoNetwork', `cannot look for a golden: ${error.message}`, {
            cause: error,
          }),
        ),
      );
    listener.on('error', fail);
    const query: Query = { ka: 'query' };
    const attempt = () => {
      tries += 1;
      if (tries > DISCOVERY_TRIES) {
        const reasons = [...seen.values()];
        const why = reasons.length > 0 ? reasons.join('; ') : 'no session answered on this network';
        end(() => reject(new NamedError('NoGolden', `Can't reach a valid KA server: ${why}`)));
        return;
      }
      options.onTry(tries, DISCOVERY_TRIES);
      for (const { socket, network } of askers) {
        for (const host of [OFFER_GROUP, network.broadcast]) {
          // An unreachable network shows as no answer, which is counted above.
          socket.send(JSON.stringify(query), options.port, host, (error) => {
            if (error) seen.set(network.name, `${network.name}: ${error.message}`);
          });
        }
      }
    };
    const timer = setInterval(attempt, DISCOVERY_TRY_MS);
    options.signal.addEventListener('abort', onAbort, { once: true });
    attempt();
  });
