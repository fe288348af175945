/** Where nodes come in: hears who they are, and lets in whom the gate lets in. */

import type { AnyHello, Hello, KnockMessage } from '../protocol/admission.ts';
import { PROTOCOL_VERSION } from '../protocol/constants.ts';
import type { NodeMessage } from '../protocol/control.ts';
import type { NewEvent } from '../protocol/events.ts';
import { newNonce } from '../trust/code.ts';
import type { AuditEntry } from './audit.ts';
import type { Gate, Verdict } from './gate.ts';
import { type Connection, NodeLink } from './node-link.ts';
import { OnceInAWhile } from './once-in-a-while.ts';
import { Rate } from './rate.ts';
import { type Request, Requests } from './requests.ts';

/** A node that may come in, and how. */
export interface Newcomer {
  hello: Hello;
  link: NodeLink;
  pin: string;
  verdict: Extract<Verdict, { kind: 'admit' }>;
  /** In words, for the audit log. */
  by: string;
}

export interface ReceptionOptions {
  gate: Gate;
  goldenKey: Uint8Array;
  /** Why this session has no place for it, whoever it is; undefined when it has. */
  obstacle: (hello: Hello, pin: string) => string | undefined;
  /** Takes it in; what it says from now on goes to what this returns. */
  enter: (newcomer: Newcomer) => Resident | undefined;
  emit: (event: NewEvent) => void;
  audit: (entry: AuditEntry) => void;
}

/** The session's side of a node that is in. */
export interface Resident {
  hear: (message: NodeMessage) => void;
  left: (why: string) => void;
}

/** A link may break now and then: so many times one key may come in at once, and so often from then on. */
export const JOINS_AT_ONCE = 10;
export const JOIN_AGAIN_MS = 10_000;
/** Keys remembered for that. */
const MOST_KEYS = 4096;

export class Reception {
  readonly requests: Requests;
  readonly #options: ReceptionOptions;
  readonly #said = new OnceInAWhile();
  readonly #residents = new Map<NodeLink, Resident>();
  /** How often each key came in, by its pin. */
  readonly #joins = new Map<string, Rate>();

  constructor(options: ReceptionOptions) {
    this.#options = options;
    this.requests = new Requests({
      goldenKey: options.goldenKey,
      nonce: newNonce,
      emit: options.emit,
      onAdmitted: this.#admitted,
      onDenied: this.#denied,
      turnAway: (link, why) => this.#refuse(link, why),
    });
  }

  /** One new control connection. */
  readonly receive = (connection: Connection): void => {
    const link: NodeLink = new NodeLink(connection, {
      knock: (message) => this.#knock(link, message),
      message: (message) => this.#residents.get(link)?.hear(message),
      closed: (why) => {
        this.requests.left(link);
        this.#residents.get(link)?.left(why);
        this.#residents.delete(link);
      },
    });
  };

  /** Ends a link with the reason on the node's screen. */
  turnAway(link: NodeLink, why: string): void {
    link.send({ type: 'eject', reason: why, final: true });
    link.close(why);
  }

  #knock(link: NodeLink, message: KnockMessage | AnyHello): void {
    if (message.type === 'open') this.requests.opened(link, message.nonce);
    else if (message.type === 'commit') this.requests.committed(link, message.commitment);
    else if (message.type === 'agree') this.requests.agreed(link);
    else this.#greet(link, message);
  }

  #greet(link: NodeLink, hello: Hello | AnyHello): void {
    const { gate, obstacle } = this.#options;
    const { identity } = link.peer;
    if (!('admission' in hello) || identity === null) {
      const why = `it speaks protocol ${hello.protocol}, this golden ${PROTOCOL_VERSION}; boot it with this golden's own image (ka images build, then ka pxe serve)`;
      this.#refuse(link, why);
      return;
    }
    const verdict = gate.examine(hello, identity.pin);
    const why = verdict.kind === 'refuse' ? verdict.why : obstacle(hello, identity.pin);
    if (why !== undefined) this.#refuse(link, why, hello);
    else if (verdict.kind === 'admit') {
      this.#enter({ hello, link, pin: identity.pin, verdict, by: verdict.by });
    } else if (verdict.kind === 'ask') {
      this.#ask(link, hello, identity.publicKey, verdict.why);
    }
  }

  #ask(link: NodeLink, hello: Hello, key: Uint8Array, why: string | undefined): void {
    this.#options.audit({ what: 'asked', ...who(link, hello), ...(why ? { why } : {}) });
    this.requests.add(link, hello, key, why);
  }

  readonly #admitted = ({ link, hello }: Request, operator: string): void => {
    const { identity } = link.peer;
    if (identity === null) return;
    // While it was asked for the session may have filled up.
    const why = this.#options.obstacle(hello, identity.pin);
    const verdict = { kind: 'admit', by: 'code', bootMac: null } as const;
    if (why !== undefined) this.#refuse(link, why, hello);
    else this.#enter({ hello, link, pin: identity.pin, verdict, by: `code, ${operator}` });
  };

  readonly #denied = ({ link, hello }: Request, operator: string): void => {
    this.#options.audit({ what: 'denied', by: operator, ...who(link, hello) });
    this.turnAway(link, 'the operator of the session said no');
  };

  #enter(newcomer: Newcomer): void {
    const { gate, enter, audit } = this.#options;
    const { hello, link, pin, verdict, by } = newcomer;
    if (!this.#mayJoin(pin)) {
      this.#refuse(link, 'it joins again and again; it may once more in a minute', hello);
      return;
    }
    const late = gate.admit(hello, pin, verdict);
    if (late !== undefined) {
      this.#refuse(link, late, hello);
      return;
    }
    link.admit();
    // Whatever let it in: nobody is to be asked about it any more.
    this.requests.left(link);
    audit({ what: 'admitted', by, ...who(link, hello) });
    const resident = enter(newcomer);
    if (resident && link.open) this.#residents.set(link, resident);
  }

  /** Each time is written down and told to all others. */
  #mayJoin(pin: string): boolean {
    const nowMs = Date.now();
    const joins = this.#joins.get(pin) ?? new Rate(1000 / JOIN_AGAIN_MS, JOINS_AT_ONCE, nowMs);
    this.#joins.delete(pin);
    const [oldest] = this.#joins.keys();
    if (oldest !== undefined && this.#joins.size >= MOST_KEYS) this.#joins.delete(oldest);
    this.#joins.set(pin, joins);
    return joins.take(nowMs);
  }

  /** Turned away, and said so: once in a while only, whoever knocks however often. */
  #refuse(link: NodeLink, why: string, hello?: Hello): void {
    const { emit, audit } = this.#options;
    const { address } = link.peer;
    const times = this.#said.times(`${address} ${why}`, Date.now());
    if (times !== undefined) {
      const name = hello ? `${hello.name ?? hello.inventory.hostname} (${address})` : address;
      const again = times > 1 ? ` (${times} times)` : '';
      const message = `${name} refused${again}: ${why}`;
      emit({ kind: 'log', node: null, level: 'warning', message });
      audit({ what: 'refused', why, ...(hello ? who(link, hello) : { address }) });
    }
    this.turnAway(link, why);
  }
}

const who = (
  link: NodeLink,
  hello: Hello,
): Pick<AuditEntry, 'name' | 'address' | 'macs' | 'pin'> => ({
  name: hello.name ?? hello.inventory.hostname,
  address: link.peer.address,
  macs: hello.inventory.macs,
  ...(link.peer.identity ? { pin: link.peer.identity.pin } : {}),
});
