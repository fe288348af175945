/** The node's half of being let in: its commitment, its code, and its own side's yes. */

import type { KnockMessage } from '../protocol/admission.ts';
import type { GoldenMessage } from '../protocol/control.ts';
import { NamedError } from '../system/named-error.ts';
import { codeOf, commitmentOf, newNonce, shownCode } from '../trust/code.ts';

/** Asks whoever stands before the machine; false = no. Rejects with the reason of `signal`. */
export type Ask = (question: string, signal: AbortSignal) => Promise<boolean>;

export interface KnockOptions {
  /** `publicBytes` of both keys, the golden's as seen on this link. */
  nodeKey: Uint8Array;
  goldenKey: Uint8Array;
  /** Whether the golden is known by its pin: then nobody has to be asked here. */
  pinned: boolean;
  /** Undefined where there is no keyboard. */
  ask: Ask | undefined;
  send: (message: KnockMessage) => void;
  say: (line: string) => void;
  /** Its own side said no. */
  onRefused: () => void;
}

/** Each lets whoever is at the other end try once more which code comes out: an honest golden needs none, hardly ever one. */
const MOST_AGAIN = 3;

type Heard = Extract<GoldenMessage, { type: 'challenge' | 'again' }>;

export class Knock {
  readonly #options: KnockOptions;
  #nonce = newNonce();
  /** The commitment was opened: by this nonce no other challenge is answered. */
  #isOpen = false;
  #again = 0;
  #question = new AbortController();

  constructor(options: KnockOptions) {
    this.#options = options;
  }

  /** For the hello. */
  get commitment(): string {
    return commitmentOf(this.#options.nodeKey, this.#nonce);
  }

  /**
   * Throws `OutOfTurn` for a second challenge, which would be one that was chosen
   * to fit a nonce that is known by now, and for one new start too many.
   */
  hear(message: Heard): void {
    this.stop();
    if (message.type === 'again') {
      this.#again += 1;
      if (!this.#isOpen || this.#again > MOST_AGAIN) throw outOfTurn('to begin again');
      this.#isOpen = false;
      this.#nonce = newNonce();
      this.#options.send({ type: 'commit', commitment: this.commitment });
      return;
    }
    const { send, say, nodeKey, goldenKey, pinned } = this.#options;
    if (this.#isOpen) throw outOfTurn('a second time for its nonce');
    this.#isOpen = true;
    // Not before: it is bound by its commitment, and the golden now by its nonce.
    send({ type: 'open', nonce: this.#nonce });
    const pairing = { nodeKey, goldenKey, nodeNonce: this.#nonce, goldenNonce: message.nonce };
    const code = shownCode(codeOf(pairing));
    say(`This node asks to be let in. Its code: ${code}`);
    say(`On the golden: press a on the board, or ka admit ${code.replace(' ', '')}`);
    if (pinned) send({ type: 'agree' });
    else this.#askFor(code);
  }

  /** Nobody needs an answer any more. */
  stop(): void {
    this.#question.abort();
    this.#question = new AbortController();
  }

  #askFor(code: string): void {
    const { ask, say, send, onRefused } = this.#options;
    if (!ask) {
      say('There is no keyboard here to say yes: start it with a join string (ka agent --join).');
      return;
    }
    const { signal } = this.#question;
    ask(`Does the golden show ${code} too? (y/n) `, signal).then(
      (yes) => {
        if (yes) send({ type: 'agree' });
        else onRefused();
      },
      (error: Error) => {
        if (!signal.aborted) say(`the answer cannot be read: ${error.message}`);
      },
    );
  }
}

const outOfTurn = (what: string): NamedError =>
  new NamedError('OutOfTurn', `the golden asked ${what}, as no honest one does; the link is ended`);
