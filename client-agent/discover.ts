/** Finds a golden: five tries, as the original did. Anybody may offer anything; what counts is who answers. */
import type { RemoteInfo } from 'node:dgram';
import {
  DISCOVERY_TRIES,
  DISCOVERY_TRY_MS,
  OFFER_GROUP,
  PROTOCOL_VERSION,
} from '../protocol/constants.ts';
import { AnyOffer, Offer, type Query } from '../protocol/offer.ts';
import { parseMessage } from '../protocol/parse-message.ts';
import { guarded } from '../system/guard.ts';
import { NamedError } from '../system/named-error.ts';
import { Speakers, type Way } from '../system/speakers.ts';

export interface FoundGolden {
  host: string;
  port: number;
  /** As it is offered: to be checked. */
  pin: string;
  session: string;
}

export interface DiscoverOptions<Link> {
  /** UDP port of offers. */
  port: number;
  /** Wanted session; null = any. */
  session: string | null;
  /** Accept only this golden. */
  pin: string | undefined;
  /** Why one that was tried lately is no good; undefined = try it. */
  whyShunned: (found: FoundGolden) => string | undefined;
  /** Look only on the network of this address. */
  address: string | undefined;
  signal: AbortSignal;
  onTry: (number: number, of: number) => void;
  /** Hears of goldens that were seen and not taken, and why: of a few only. */
  onRefused: (why: string) => void;
  /** Connects; a golden that does not answer, or has another key, is none. */
  connect: (found: FoundGolden) => Promise<Link>;
}

/** Longest text of an offer; ours have some 300. */
const MOST_BYTES = 1400;
/**
 * An attacker can send any number of offers: so many are tried in one go, and
 * these at a time. Answers to this node's own question are counted apart from
 * what is shouted at everybody, so that shouting alone cannot crowd them out.
 */
const MOST_CANDIDATES = 64;
const MOST_OF_ONE_SENDER = 2;
const AT_ONCE = 8;
/** Reasons kept and told. */
const MOST_REASONS = 8;

/** Why an offer is not for us, in words; undefined = try it. */
const refusal = <Link>(
  message: string,
  from: string,
  options: DiscoverOptions<Link>,
): string | FoundGolden | undefined => {
  const any = parseMessage(AnyOffer, message);
  if (!any) return undefined;
  if (any.protocol !== PROTOCOL_VERSION) {
    return `golden at ${from} speaks protocol ${any.protocol}, this agent ${PROTOCOL_VERSION}; boot this node with the golden's own image`;
  }
  const offer = parseMessage(Offer, message);
  if (!offer) return undefined;
  const { port, fingerprint: pin, session } = offer;
  const host = offer.host ?? from;
  const found = { host, port, pin, session };
  if (options.session !== null && session !== options.session) {
    return `golden at ${host} has session "${session}", not "${options.session}"`;
  }
  if (options.pin !== undefined && pin !== options.pin) {
    return `golden at ${host} has another key (${pin.slice(0, 8)}…) than this node was told`;
  }
  return options.whyShunned(found) ?? found;
};

const NO_ADDRESS = 'this machine has no IPv4 address; bring up its network';

/** Goldens worth a try, in turn, never too many. */
class Candidates<Link> {
  readonly #options: DiscoverOptions<Link>;
  readonly #onFound: (link: Link) => void;
  readonly #onFailed: (why: string) => void;
  readonly #queue: FoundGolden[] = [];
  readonly #seen: Record<Way, Set<string>> = { shouted: new Set(), answered: new Set() };
  readonly #senders = new Map<string, number>();
  #running = 0;

  constructor(
    options: DiscoverOptions<Link>,
    onFound: (link: Link) => void,
    onFailed: (why: string) => void,
  ) {
    this.#options = options;
    this.#onFound = onFound;
    this.#onFailed = onFailed;
  }

  add(found: FoundGolden, sender: string, way: Way): void {
    const key = `${found.host}:${found.port}:${found.pin}`;
    const ofSender = this.#senders.get(sender) ?? 0;
    const { shouted, answered } = this.#seen;
    const seen = this.#seen[way];
    const tooMany = seen.size >= MOST_CANDIDATES || ofSender >= MOST_OF_ONE_SENDER;
    if (shouted.has(key) || answered.has(key) || tooMany) return;
    seen.add(key);
    this.#senders.set(sender, ofSender + 1);
    // Not in the order of coming: who floods shall not be first by that.
    this.#queue.splice(Math.floor(Math.random() * (this.#queue.length + 1)), 0, found);
    this.#next();
  }

  /** Another try: who did not answer may do so now. */
  again(): void {
    this.#seen.shouted.clear();
    this.#seen.answered.clear();
    this.#senders.clear();
    this.#queue.length = 0;
  }

  #next(): void {
    while (this.#running < AT_ONCE) {
      const found = this.#queue.shift();
      if (!found) return;
      this.#running += 1;
      this.#options
        .connect(found)
        .then(this.#onFound, (error: Error) => this.#onFailed(error.message))
        .finally(() => {
          this.#running -= 1;
          this.#next();
        });
    }
  }
}

/**
 * Listens for offers and asks for them, and connects to whoever answers first.
 * Throws `NoGolden` ("Can't reach a valid KA server") after the last try, with
 * some of the sessions that were seen and why they were not taken. `discard`
 * gets links that come too late.
 */
export const discoverGolden = <Link>(
  options: DiscoverOptions<Link>,
  discard: (link: Link) => void,
): Promise<Link> =>
  new Promise((resolve, reject) => {
    const reasons = new Set<string>();
    let tries = 0;
    let over = false;
    const end = (finish: () => void) => {
      if (over) return;
      over = true;
      clearInterval(timer);
      options.signal.removeEventListener('abort', onAbort);
      speakers.close();
      finish();
    };
    const onAbort = () =>
      end(() => reject(new NamedError('Aborted', 'the search for a golden was stopped')));
    const refused = (why: string) => {
      if (reasons.has(why) || reasons.size >= MOST_REASONS) return;
      reasons.add(why);
      options.onRefused(why);
    };
    const candidates = new Candidates(
      options,
      (link) => (over ? discard(link) : end(() => resolve(link))),
      (why) => {
        if (!over) refused(why);
      },
    );
    const speakers = new Speakers({
      port: options.port,
      group: OFFER_GROUP,
      address: options.address,
      onMessage: guarded(
        (message: Buffer, from: RemoteInfo, way: Way) => {
          if (over || message.length > MOST_BYTES) return;
          const found = refusal(message.toString(), from.address, options);
          if (typeof found === 'string') refused(found);
          else if (found) candidates.add(found, from.address, way);
        },
        (error) => refused(error.message),
      ),
      // A network that does not work shows as no answer, which is counted below.
      onTrouble: ({ message }) => reasons.add(message),
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
        const why = [...reasons].join('; ') || 'no session answered on this network';
        end(() => reject(new NamedError('NoGolden', `Can't reach a valid KA server: ${why}`)));
        return;
      }
      candidates.again();
      options.onTry(tries, DISCOVERY_TRIES);
      if (speakers.say(JSON.stringify(query)) === 0) reasons.add(NO_ADDRESS);
      else reasons.delete(NO_ADDRESS);
    };
    const timer = setInterval(attempt, DISCOVERY_TRY_MS);
    options.signal.addEventListener('abort', onAbort, { once: true });
    attempt();
  });
