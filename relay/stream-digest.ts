/**
 * Digests of the streams of a pass, made by the thread from the bytes in the
 * ring, behind those who send and drain them: what is not summed up yet must
 * not be forgotten.
 */
import type { DigestThread } from './digest-thread.ts';
import { SINK_BYTES } from './tuning.ts';

export interface StreamDigestHandlers {
  /** `floor` has moved. */
  onSummed(): void;
  /** Nothing can be summed up any more. */
  onFailed(error: unknown): void;
}

export class StreamDigest {
  readonly #thread: DigestThread;
  readonly #enoughBytes: number;
  readonly #handlers: StreamDigestHandlers;
  /** Not given to the thread yet. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #waitingEnd = 0;
  #floor = Number.POSITIVE_INFINITY;
  #summing = false;
  #work: Promise<void> | null = null;

  constructor(
    { thread, ringBytes }: { thread: DigestThread; ringBytes: number },
    handlers: StreamDigestHandlers,
  ) {
    this.#thread = thread;
    // Each message to the thread costs two wake-ups; each held back, a part of the ring.
    this.#enoughBytes = Math.min(SINK_BYTES / 2, ringBytes / 8);
    this.#handlers = handlers;
  }

  /** Position from which on bytes are still needed here; infinite when none are. */
  get floor(): number {
    return this.#floor;
  }

  /** A stream begins. `binding` is what its digest begins with. */
  begin(binding: Buffer): void {
    this.#summing = true;
    this.#thread.begin(binding);
  }

  /** The payload of its next DATA frame, which ends at `end`. */
  push(payload: readonly Buffer[], end: number): void {
    if (!this.#summing) return;
    const bytes = payload.reduce((sum, { length }) => sum + length, 0);
    if (this.#floor === Number.POSITIVE_INFINITY) this.#floor = end - bytes;
    this.#waiting.push(...payload);
    this.#waitingBytes += bytes;
    this.#waitingEnd = end;
    if (this.#waitingBytes >= this.#enoughBytes) this.flush();
  }

  /** Gives the thread what is here, however little. While it works, that follows by itself. */
  flush(): void {
    if (this.#work !== null || this.#waiting.length === 0) return;
    const pieces = this.#waiting;
    const end = this.#waitingEnd;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#work = this.#thread.take(pieces).then(
      () => this.#summed(end),
      (error: unknown) => this.#fail(error),
    );
  }

  /** The digest of the stream, in hex. Throws `DigestFailed`. */
  async end(): Promise<string> {
    this.#summing = false;
    this.flush();
    while (this.#work !== null) await this.#work;
    return this.#thread.end();
  }

  /** The stream is given up. */
  drop(): void {
    this.#summing = false;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#work === null) this.#floor = Number.POSITIVE_INFINITY;
  }

  #summed(end: number): void {
    this.#work = null;
    this.#floor = this.#waiting.length === 0 ? Number.POSITIVE_INFINITY : end;
    if (this.#waitingBytes >= this.#enoughBytes || !this.#summing) this.flush();
    this.#handlers.onSummed();
  }

  #fail(error: unknown): void {
    this.#work = null;
    this.drop();
    this.#handlers.onFailed(error);
  }
}
