/**
 * Compares the streams of one pass as they came through the chain with what the
 * golden vouches for over this node's own link.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { differingFields, type StreamRecord } from '../protocol/vouch.ts';
import { NamedError } from '../system/named-error.ts';

/** The golden says its last word on a pass before its end comes through the chain, or right after. */
const WORD_MS = 30_000;

interface Kept {
  record: StreamRecord;
  /** What it was read from, in words. */
  from: string;
}

export class StreamLedger {
  /** Rejects `ForgedStream` as soon as a stream is known not to be the golden's; never resolves. */
  readonly forged: Promise<never>;
  readonly #planned: readonly string[];
  readonly #wordMs: number;
  readonly #kept = new Map<number, Kept>();
  readonly #vouched = new Map<number, StreamRecord>();
  /** Who waits for the golden's word on a stream. */
  readonly #awaited = new Map<number, () => void>();
  readonly #reject: (error: NamedError) => void;
  readonly #listed = Promise.withResolvers<readonly number[]>();
  #isGood = false;

  /** `planned`: names of the streams that make this node's clone. */
  constructor(planned: readonly string[], wordMs = WORD_MS) {
    this.#planned = planned;
    this.#wordMs = wordMs;
    const { promise, reject } = Promise.withResolvers<never>();
    this.forged = promise;
    this.#reject = reject;
    // Whoever waits for it may do so later, or never.
    promise.catch(() => undefined);
  }

  /** The golden has vouched for everything this node keeps. */
  get isGood(): boolean {
    return this.#isGood;
  }

  /** A stream this node keeps has come to its end. */
  keep(record: StreamRecord, from: string): void {
    this.#kept.set(record.stream, { record, from });
    this.#compare(record.stream);
  }

  /** The golden vouches for one stream. */
  vouch(record: StreamRecord): void {
    this.#vouched.set(record.stream, record);
    this.#compare(record.stream);
  }

  /**
   * Resolves when the golden has vouched for a stream this node has kept: what was
   * unpacked of it is the golden's, links included, and others may be unpacked over
   * it. When no word comes in time, or another one than fits, `forged` rejects
   * instead, and this never resolves. Throws the reason of `signal`.
   */
  async vouchedFor(stream: number, signal: AbortSignal): Promise<void> {
    const word = Promise.withResolvers<void>();
    this.#awaited.set(stream, word.resolve);
    this.#compare(stream);
    const heard = new AbortController();
    const late = sleep(this.#wordMs, true, { signal: AbortSignal.any([signal, heard.signal]) });
    late.catch(() => undefined);
    try {
      const isLate = await Promise.race([word.promise, late]);
      if (isLate !== true) return;
    } finally {
      heard.abort();
    }
    this.#reject(this.#unvouched(this.#kept.get(stream)));
    await new Promise<never>(() => undefined);
  }

  /** The golden's last word: these streams were complete. */
  end(streams: readonly number[]): void {
    this.#listed.resolve(streams);
  }

  /**
   * To be called when the pass has come to its end on this node. Resolves when
   * all that it keeps, and all that was planned, is vouched for. Throws
   * `ForgedStream`, `Aborted`.
   */
  async check(signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const late = sleep(this.#wordMs, null, { signal: AbortSignal.any([signal, done.signal]) });
    late.catch(() => undefined);
    try {
      const streams = await Promise.race([this.#listed.promise, late, this.forged]);
      if (streams === null) {
        const [first] = this.#kept.values();
        throw this.#unvouched(first);
      }
      this.#checkAll(new Set(streams));
    } finally {
      done.abort();
    }
    this.#isGood = true;
  }

  #compare(stream: number): void {
    const kept = this.#kept.get(stream);
    const vouched = this.#vouched.get(stream);
    if (!kept || !vouched) return;
    const error = differenceOf(kept, vouched);
    if (error) this.#reject(error);
    else this.#awaited.get(stream)?.();
  }

  #checkAll(streams: ReadonlySet<number>): void {
    for (const [stream, kept] of this.#kept) {
      const vouched = streams.has(stream) ? this.#vouched.get(stream) : undefined;
      if (vouched === undefined) throw forged(kept, 'the golden sent no such stream');
      const error = differenceOf(kept, vouched);
      if (error) throw error;
    }
    const names = new Set([...this.#kept.values()].map(({ record }) => record.name));
    const missing = this.#planned.find((name) => !names.has(name));
    if (missing === undefined) return;
    throw new NamedError('ForgedStream', `stream "${missing}" did not come, though the pass ended`);
  }

  #unvouched(kept: Kept | undefined): NamedError {
    const why = `the golden did not vouch for it within ${this.#wordMs / 1000} s`;
    return kept ? forged(kept, why) : new NamedError('ForgedStream', `an empty pass: ${why}`);
  }
}

const differenceOf = (kept: Kept, vouched: StreamRecord): NamedError | null => {
  const differing = differingFields(kept.record, vouched);
  return differing.length > 0 ? forged(kept, `${differing.join(' and ')} differ`) : null;
};

const forged = ({ record, from }: Kept, why: string): NamedError =>
  new NamedError(
    'ForgedStream',
    `stream "${record.name}" is not what the golden sent: ${why}; it came from ${from}`,
  );
