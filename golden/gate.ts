/** Decides who is let into a session, by what it can show (docs/trust.md). */
import type { Hello } from '../protocol/admission.ts';
import { isSameSecret } from '../trust/secret.ts';
import { checkTicket, spendTicket } from '../trust/tickets.ts';
import type { Admissions } from './admissions.ts';

/** `secret`: join string, ticket or code. `list`: also a MAC address of the node list. `open`: anybody who wants. */
export type AdmitPolicy = 'secret' | 'list' | 'open';

export type Way = 'known' | 'token' | 'ticket' | 'open' | 'code';

export type Verdict =
  | { kind: 'admit'; by: Way; bootMac: string | null }
  /** It may ask; `why` it has to, though it showed something. */
  | { kind: 'ask'; why: string | undefined }
  | { kind: 'refuse'; why: string };

export interface GateOptions {
  policy: AdmitPolicy;
  /** MAC addresses of the node list. */
  listed: ReadonlySet<string>;
  admissions: Admissions;
}

const OUTDATED =
  'its kernel line was made by an older ka; start "ka pxe serve" on the golden anew, or write ka.join=… (docs/netboot.md), and boot it again';

export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** What is to become of a node; uses nothing up. */
  examine(hello: Pick<Hello, 'admission' | 'inventory'>, pin: string): Verdict {
    const { policy, listed, admissions } = this.#options;
    const { token, ticket, open, outdated } = hello.admission;
    const { macs } = hello.inventory;
    if (outdated) return { kind: 'refuse', why: OUTDATED };
    const known = admissions.of(pin);
    if (known) return { kind: 'admit', by: 'known', bootMac: known.bootMac };
    if (policy === 'list' && !macs.some((mac) => listed.has(mac))) {
      const why = `none of its MAC addresses (${macs.join(', ') || 'none'}) is in the node list; add it there, or do without --admit list`;
      return { kind: 'refuse', why };
    }
    if (token !== null) {
      return isSameSecret(token, admissions.token)
        ? { kind: 'admit', by: 'token', bootMac: null }
        : {
            kind: 'refuse',
            why: 'its join string is of another session; copy the one of this one',
          };
    }
    if (open && policy === 'open') return { kind: 'admit', by: 'open', bootMac: null };
    if (ticket === null) return { kind: 'ask', why: undefined };
    const verdict = checkTicket(ticket, macs);
    if ('refusal' in verdict) return { kind: 'ask', why: verdict.refusal };
    const { mac } = verdict;
    if (policy === 'list' && !listed.has(mac)) {
      return { kind: 'refuse', why: `its ticket is for ${mac}, which is not in the node list` };
    }
    return { kind: 'admit', by: 'ticket', bootMac: mac };
  }

  /**
   * Lets it in: writes it down, and uses its ticket up. Answers why not, when
   * another was faster with the same ticket.
   */
  admit(
    hello: Pick<Hello, 'admission' | 'inventory'>,
    pin: string,
    { by, bootMac }: Extract<Verdict, { kind: 'admit' }>,
  ): string | undefined {
    if (by === 'known') return undefined;
    if (by === 'ticket' && hello.admission.ticket !== null) {
      const used = spendTicket(hello.admission.ticket, hello.inventory.macs);
      if ('refusal' in used) return used.refusal;
    }
    this.#options.admissions.add({ pin, bootMac });
    return undefined;
  }
}
