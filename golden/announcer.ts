/** Tells the network that a session is open: each second, and to whoever asks. */
import type { RemoteInfo } from 'node:dgram';
import { OFFER_GROUP, OFFER_INTERVAL_MS } from '../protocol/constants.ts';
import { type Offer, Query } from '../protocol/offer.ts';
import { parseMessage } from '../protocol/parse-message.ts';
import { guarded } from '../system/guard.ts';
import { ipv4Interfaces } from '../system/interfaces.ts';
import { NamedError } from '../system/named-error.ts';
import { type Rations, rations } from '../system/rations.ts';
import { Speakers } from '../system/speakers.ts';

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

/** Starts announcing, on every network this machine has or gets; ends when `signal` fires. */
export const announce = async (options: AnnouncerOptions): Promise<void> => {
  const { port, address, offer, signal, onError } = options;
  if (ipv4Interfaces(address).length === 0) {
    throw new NamedError('NoNetwork', 'this machine has no IPv4 address; bring up its network');
  }
  const mayAnswer = rations(ANSWERS);
  const answer = (message: Buffer, from: RemoteInfo): void => {
    // Nobody can be answered at port 0, though it can be sent from.
    if (from.port === 0 || message.length > MAX_QUERY_BYTES) return;
    if (parseMessage(Query, message.toString()) && mayAnswer(from.address)) {
      speakers.answer(JSON.stringify(offer()), from);
    }
  };
  const speakers = new Speakers({
    port,
    group: OFFER_GROUP,
    address,
    onMessage: guarded(answer, onError),
    onTrouble: onError,
  });
  await speakers.listening;
  const announceAll = guarded(() => speakers.say(JSON.stringify(offer())), onError);
  const timer = setInterval(announceAll, OFFER_INTERVAL_MS);
  announceAll();
  signal.addEventListener(
    'abort',
    () => {
      clearInterval(timer);
      speakers.close();
    },
    { once: true },
  );
};
