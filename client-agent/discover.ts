/** Finds the golden: five tries, as the original did. */
import type { RemoteInfo } from 'node:dgram';
import {
  DISCOVERY_TRIES,
  DISCOVERY_TRY_MS,
  OFFER_GROUP,
  PROTOCOL_VERSION,
} from '../protocol/constants.ts';
import { Offer, type Query } from '../protocol/offer.ts';
import { parseMessage } from '../protocol/parse-message.ts';
import { NamedError } from '../system/named-error.ts';
import { Speakers } from '../system/speakers.ts';

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

const NO_ADDRESS = 'this machine has no IPv4 address; bring up its network';

/**
 * Listens for offers and asks for them. Throws `NoGolden` ("Can't reach a valid
 * KA server") after the last try, naming any session that was seen and why it
 * was not taken.
 */
export const discoverGolden = (options: DiscoverOptions): Promise<FoundGolden> =>
  new Promise((resolve, reject) => {
    const seen = new Map<string, string>();
    let tries = 0;
    const end = (finish: () => void) => {
      clearInterval(timer);
      options.signal.removeEventListener('abort', onAbort);
      speakers.close();
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
    const speakers = new Speakers({
      port: options.port,
      group: OFFER_GROUP,
      address: options.address,
      onMessage,
      // A network that does not work shows as no answer, which is counted below.
      onTrouble: ({ message }) => seen.set(message, message),
    });
    const fail = (error: Error) =>
      end(() =>
        reject(
          new NamedError('NoNetwork', `cannot look for a golden: ${error.message}`, {
            cause: error,
          }),
        ),
      );
    speakers.listening.catch(fail);
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
      const networks = speakers.say(JSON.stringify(query));
      if (networks === 0) seen.set('', NO_ADDRESS);
      else seen.delete('');
    };
    const timer = setInterval(attempt, DISCOVERY_TRY_MS);
    options.signal.addEventListener('abort', onAbort, { once: true });
    attempt();
  });
