/** Machines without a secret that ask to be let in: a code for each, and both sides' yes. */
import type { Hello } from '../protocol/admission.ts';
import type { NewEvent } from '../protocol/events.ts';
import { peerPlace } from '../system/plain-address.ts';
import { codeOf, commitmentOf } from '../trust/code.ts';
import type { NodeLink } from './node-link.ts';
import { Rate } from './rate.ts';

export interface RequestsOptions {
  /** `publicBytes` of the golden's key. */
  goldenKey: Uint8Array;
  /** For the golden's half of each code. */
  nonce: () => string;
  emit: (event: NewEvent) => void;
  /** Both sides have said yes; `operator` says who of this side. */
  onAdmitted: (request: Request, operator: string) => void;
  /** The operator said no: its link is to be ended. */
  onDenied: (request: Request, operator: string) => void;
  /** Ends a link, with the reason on the node's screen. */
  turnAway: (link: NodeLink, why: string) => void;
}

export interface Request {
  readonly number: number;
  readonly link: NodeLink;
  readonly hello: Hello;
  /** `publicBytes` of the node's key. */
  readonly nodeKey: Uint8Array;
  /** Why it has to ask, where it had a ticket. */
  readonly why: string | undefined;
  readonly timer: NodeJS.Timeout;
  commitment: string;
  goldenNonce: string | undefined;
  /** Six digits, once the node has opened its commitment. */
  code: string | undefined;
  agreed: boolean;
  /** Who said yes here. */
  operator: string | undefined;
}

/** Somebody has to look at two screens. */
const PATIENCE_MS = 10 * 60_000;
const MOST = 32;
const MOST_OF_ONE_ADDRESS = 4;
/** Each is a guess at a code somebody else shows: a room of machines at once, then one a second. */
const PER_SECOND = 1;
const AT_ONCE = 32;

export class Requests {
  readonly #options: RequestsOptions;
  readonly #all = new Set<Request>();
  readonly #rate = new Rate(PER_SECOND, AT_ONCE, Date.now());
  #count = 0;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** Those whose code is known, oldest first. */
  get pending(): readonly Request[] {
    return [...this.#all].filter(({ code }) => code !== undefined);
  }

  /** A machine asks. */
  add(link: NodeLink, hello: Hello, nodeKey: Uint8Array, why: string | undefined): void {
    const { turnAway } = this.#options;
    const place = peerPlace(link.peer.address);
    const fromThere = [...this.#all].filter((one) => peerPlace(one.link.peer.address) === place);
    if (this.#all.size >= MOST || fromThere.length >= MOST_OF_ONE_ADDRESS || !this.#takeTurn()) {
      turnAway(link, 'too many machines ask to be let in; try again in a minute');
      return;
    }
    this.#count += 1;
    const request: Request = {
      number: this.#count,
      link,
      hello,
      nodeKey,
      why,
      timer: setTimeout(() => this.#giveUp(request), PATIENCE_MS),
      commitment: hello.admission.commitment,
      goldenNonce: undefined,
      code: undefined,
      agreed: false,
      operator: undefined,
    };
    this.#all.add(request);
    this.#challenge(request);
  }

  /** The node opens its commitment. */
  opened(link: NodeLink, nonce: string): void {
    const request = this.#of(link);
    if (!request?.goldenNonce || request.code !== undefined) return;
    const { goldenKey, turnAway } = this.#options;
    const { nodeKey, goldenNonce } = request;
    if (commitmentOf(nodeKey, nonce) !== request.commitment) {
      this.#end(request, 'gone');
      turnAway(link, 'it does not keep to what it committed itself to');
      return;
    }
    const code = codeOf({ nodeKey, goldenKey, nodeNonce: nonce, goldenNonce });
    const same = this.pending.filter((other) => other.code === code);
    if (same.length > 0) {
      // Nobody could tell them apart.
      for (const one of [request, ...same]) this.#renew(one);
      return;
    }
    request.code = code;
    this.#say(request, 'pending');
  }

  /** The node commits itself anew. */
  committed(link: NodeLink, commitment: string): void {
    const request = this.#of(link);
    if (!request || request.goldenNonce !== undefined) return;
    request.commitment = commitment;
    this.#challenge(request);
  }

  /** Its own side has said yes. */
  agreed(link: NodeLink): void {
    const request = this.#of(link);
    if (!request?.code || request.agreed) return;
    request.agreed = true;
    this.#say(request, 'pending');
    this.#settle(request);
  }

  /** The operator says yes to the machine that shows this code; false when there is none. */
  admit(code: string, operator: string): boolean {
    const request = this.pending.find((one) => one.code === code);
    if (!request) return false;
    request.operator = operator;
    this.#settle(request);
    return true;
  }

  /** The operator says no. */
  deny(code: string, operator: string): boolean {
    const request = this.pending.find((one) => one.code === code);
    if (!request) return false;
    this.#end(request, 'denied');
    this.#options.onDenied(request, operator);
    return true;
  }

  /** Its link is gone. */
  left(link: NodeLink): void {
    const request = this.#of(link);
    if (request) this.#end(request, 'gone');
  }

  /** Nobody is asked any more. */
  close(why: string): void {
    for (const request of [...this.#all]) {
      this.#end(request, 'gone');
      this.#options.turnAway(request.link, why);
    }
  }

  #of(link: NodeLink): Request | undefined {
    return [...this.#all].find((request) => request.link === link);
  }

  #takeTurn(): boolean {
    return this.#rate.take(Date.now());
  }

  #challenge(request: Request): void {
    request.goldenNonce = this.#options.nonce();
    request.link.send({ type: 'challenge', nonce: request.goldenNonce });
  }

  #renew(request: Request): void {
    request.goldenNonce = undefined;
    request.code = undefined;
    request.agreed = false;
    request.operator = undefined;
    if (this.#takeTurn()) request.link.send({ type: 'again' });
    else this.#giveUp(request);
  }

  #giveUp(request: Request): void {
    this.#end(request, 'gone');
    this.#options.turnAway(request.link, 'nobody let it in; it may ask again');
  }

  #settle(request: Request): void {
    const { operator, agreed } = request;
    if (operator === undefined || !agreed) return;
    this.#end(request, 'admitted');
    this.#options.onAdmitted(request, operator);
  }

  #end(request: Request, state: 'admitted' | 'denied' | 'gone'): void {
    clearTimeout(request.timer);
    this.#all.delete(request);
    if (request.code !== undefined) this.#say(request, state);
  }

  #say(request: Request, state: 'pending' | 'admitted' | 'denied' | 'gone'): void {
    const { number, hello, link, code, agreed, why } = request;
    this.#options.emit({
      kind: 'request',
      request: number,
      state,
      name: hello.name ?? hello.inventory.hostname,
      address: link.peer.address,
      macs: hello.inventory.macs,
      code: code ?? '',
      agreed,
      ...(why === undefined ? {} : { why }),
    });
  }
}
