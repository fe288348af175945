/**
 * How much one node, or strangers who knock, may add to the stream of events.
 * What becomes of nodes is never left out: only what is said of it.
 */
import type { NewEvent } from '../protocol/events.ts';

/** A whole cloning has some hundred steps and messages. So many at once … */
const BURST = 2000;

/** … and so many in a second from then on. */
const PER_SECOND = 10;

/** How often it is told that some were left out, in milliseconds. */
const TELL_MS = 10_000;

interface Account {
  left: number;
  sinceMs: number;
  /** Left out since it was told last. */
  dropped: number;
  toldMs: number;
}

export class EventLimits {
  /** By node; null = the session's own, which tell of strangers. */
  readonly #accounts = new Map<number | null, Account>();

  /** Whether to emit the event; what is to be emitted instead when it is time to say that some are missing. */
  admit(event: NewEvent): NewEvent | undefined {
    if (event.kind !== 'log' && event.kind !== 'step') return event;
    const account = this.#account(event.node);
    if (account.left >= 1) {
      account.left -= 1;
      return event;
    }
    account.dropped += 1;
    const nowMs = performance.now();
    if (nowMs - account.toldMs < TELL_MS) return undefined;
    const message = `too much is said here: ${account.dropped} steps and messages were left out`;
    account.dropped = 0;
    account.toldMs = nowMs;
    return { kind: 'log', node: event.node, level: 'warning', message };
  }

  #account(node: number | null): Account {
    const nowMs = performance.now();
    const account = this.#accounts.get(node) ?? {
      left: BURST,
      sinceMs: nowMs,
      dropped: 0,
      toldMs: Number.NEGATIVE_INFINITY,
    };
    const more = ((nowMs - account.sinceMs) * PER_SECOND) / 1000;
    account.left = Math.min(BURST, account.left + more);
    account.sinceMs = nowMs;
    this.#accounts.set(node, account);
    return account;
  }
}
