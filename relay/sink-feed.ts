/** Gives verified frames to the local sinks, one stream after the other, behind the network's back. */
import type { StreamBegin } from '../protocol/frame.ts';
import { NamedError } from '../system/named-error.ts';
import { ClearMemory } from './clear-memory.ts';
import type { FrameCipher } from './frame-cipher.ts';
import type { Frame } from './frame-scanner.ts';
import type { StreamDigest } from './stream-digest.ts';
import { CLEAR_BYTES, SINK_BYTES } from './tuning.ts';

/** Where one stream goes. Opened per stream by the owner of the hop. */
export interface Sink {
  /** The memory is valid until the promise resolves. */
  write(chunks: readonly Buffer[]): Promise<void>;
  /** Resolves when the exit status is known to be good. */
  end(): Promise<void>;
  abort(reason: string): Promise<void>;
}

/** A stream of the pass, with its number. */
export interface OpenedStream {
  stream: number;
  begin: StreamBegin;
}

/** One that has ended well here. */
export interface EndedStream extends OpenedStream {
  /** It had a sink. */
  kept: boolean;
  /** Of its DATA frames. */
  bytes: number;
  /** Over the tags of its frames. */
  digest: string;
  /** Of its bytes on the wire; null where it is not kept, or not vouched for. */
  sha256: string | null;
}

export interface SinkFeedOptions {
  cipher: FrameCipher;
  /** null where streams are not vouched for. */
  digest: StreamDigest | null;
}

export interface SinkFeedHandlers {
  /** null for a stream that is not kept. */
  openSink(begin: StreamBegin): Sink | null;
  /** What the digest of a stream begins with. */
  bindingOf(opened: OpenedStream): Buffer;
  /** `kept`: it has a sink. */
  onBegin(opened: OpenedStream, kept: boolean): void;
  /** Nothing that follows is taken before it resolves, or all is over. */
  onEnd(ended: EndedStream): Promise<void>;
  onAbort(opened: OpenedStream, kept: boolean, bytes: number): void;
  /** `drained` has moved, or everything is drained. */
  onDrained(): void;
  /** The sink failed, or the stream was aborted by the golden: nothing is drained from now on. */
  onFailed(error: NamedError): void;
}

type DataFrame = Frame & { type: 'data' };

/** A frame, and for one whose clear bytes are in the clear memory what to give them back with. */
interface Queued {
  frame: Frame;
  clearEnd: number | null;
}

interface OpenStream extends OpenedStream {
  sink: Sink | null;
  bytes: number;
}

export class SinkFeed {
  readonly #cipher: FrameCipher;
  readonly #digest: StreamDigest | null;
  readonly #clear: ClearMemory | null;
  readonly #handlers: SinkFeedHandlers;
  #queue: Queued[] = [];
  /** Frames in the queue that are still to be decrypted. */
  #sealed = 0;
  #open: OpenStream | null = null;
  #drained = 0;
  #stopped = false;
  /** Resolves with `stopped`. */
  readonly #stopping = Promise.withResolvers<void>();
  #closed = false;
  /** What the sink does now; null = it waits for frames. */
  #work: Promise<void> | null = null;

  constructor({ cipher, digest }: SinkFeedOptions, handlers: SinkFeedHandlers) {
    this.#cipher = cipher;
    this.#digest = digest;
    this.#clear = cipher.inClear ? null : new ClearMemory(CLEAR_BYTES);
    this.#handlers = handlers;
  }

  /** Everything below this position is no longer needed here. */
  get drained(): number {
    if (this.#stopped) return Number.POSITIVE_INFINITY;
    return Math.min(this.#drained, this.#digest?.floor ?? Number.POSITIVE_INFINITY);
  }

  /** Every stream of the pass has ended well. */
  get closed(): boolean {
    return this.#closed;
  }

  get idle(): boolean {
    return this.#work === null;
  }

  /**
   * Memory to decrypt the frame to that is pushed next; null when there is none, or
   * nobody wants it. In the order of the frames: it is given back in that order.
   */
  clearSpace(bytes: number): Buffer | null {
    return this.#stopped || this.#sealed > 0 ? null : (this.#clear?.space(bytes) ?? null);
  }

  /** Takes a frame for the next `pump()`: frames that come together are drained together. */
  push(frame: Frame): void {
    if (this.#stopped) return;
    const isSealed = frame.type === 'data' && frame.clear === null;
    if (isSealed) this.#sealed += 1;
    const inMemory = frame.type === 'data' && !isSealed;
    const clearEnd = inMemory ? (this.#clear?.take(frame.bytes) ?? null) : null;
    this.#queue.push({ frame, clearEnd });
  }

  /** Gives the sink what is here. While it works, the rest follows by itself. */
  pump(): void {
    if (this.#work !== null) return;
    const before = this.#drained;
    this.#advance();
    if (!this.#stopped && this.#drained !== before) this.#handlers.onDrained();
  }

  /** Nothing is drained from now on, for a reason that is not the sink's. */
  fail(cause: unknown): void {
    const work = this.#work;
    const failing = this.#fail(cause);
    this.#work = work === null ? failing : Promise.all([work, failing]).then(() => undefined);
  }

  /** Stops draining, aborts an open sink and waits until it lets go of the ring's memory. */
  async stop(reason: string): Promise<void> {
    this.#forget();
    await this.#abortSink(reason);
    await this.#work;
  }

  #advance(): void {
    try {
      for (;;) {
        const [next] = this.#queue;
        if (next === undefined || this.#work !== null) return;
        if (next.frame.type === 'data') {
          this.#write(this.#opened());
        } else {
          this.#queue.shift();
          this.#take(next.frame);
        }
      }
    } catch (error) {
      this.#work = this.#fail(error);
    }
  }

  #take(frame: Exclude<Frame, DataFrame>): void {
    switch (frame.type) {
      case 'begin': {
        const opened = { stream: frame.stream, begin: frame.begin };
        const sink = this.#handlers.openSink(frame.begin);
        this.#open = { ...opened, sink, bytes: 0 };
        if (sink !== null) this.#digest?.begin(this.#handlers.bindingOf(opened));
        this.#handlers.onBegin(opened, sink !== null);
        this.#drained = frame.end;
        return;
      }
      case 'end':
        this.#doing(this.#end(frame), frame.end);
        return;
      case 'abort': {
        const open = this.#opened();
        this.#handlers.onAbort(open, open.sink !== null, open.bytes);
        throw new NamedError(
          'StreamAborted',
          `the golden gave up stream "${open.begin.name}": ${frame.reason}`,
        );
      }
      case 'close':
        this.#closed = true;
        this.#drained = frame.end;
    }
  }

  /** DATA: as much as is here, in one go. */
  #write(open: OpenStream): void {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let end = this.#drained;
    let clearEnd: number | null = null;
    for (let [next] = this.#queue; next?.frame.type === 'data'; [next] = this.#queue) {
      const { frame } = next;
      if (bytes > 0 && bytes + frame.bytes > SINK_BYTES) break;
      const given = frame.clear === null ? this.#decrypt(frame) : { ...next, clear: frame.clear };
      if (given === null && chunks.length > 0) break;
      if (given === null) throw new NamedError('RelayFault', 'no memory to decrypt a frame to');
      this.#queue.shift();
      if (open.sink !== null) this.#digest?.push(frame.payload, frame.end);
      chunks.push(...given.clear);
      bytes += frame.bytes;
      end = frame.end;
      clearEnd = given.clearEnd;
    }
    open.bytes += bytes;
    this.#doing(open.sink?.write(chunks) ?? Promise.resolve(), end, clearEnd);
  }

  /** A frame that came when there was no memory for it; null when there is none yet. */
  #decrypt(frame: DataFrame): { clear: readonly Buffer[]; clearEnd: number } | null {
    const target = this.#clear?.space(frame.bytes) ?? null;
    if (this.#clear === null || target === null) return null;
    this.#cipher.decrypt(frame.position, frame.payload, target);
    this.#sealed -= 1;
    return { clear: [target], clearEnd: this.#clear.take(frame.bytes) };
  }

  async #end({ bytes, digest }: Frame & { type: 'end' }): Promise<void> {
    const { sink, stream, begin } = this.#opened();
    const sha256 = sink === null ? null : ((await this.#digest?.end()) ?? null);
    await sink?.end();
    this.#open = null;
    if (this.#stopped) return;
    const kept = sink !== null;
    const ended = this.#handlers.onEnd({ stream, begin, kept, bytes, digest, sha256 });
    await Promise.race([ended, this.#stopping.promise]);
  }

  /** When `work` is done everything below `end` is drained, and the next frames follow. */
  #doing(work: Promise<void>, end: number, clearEnd: number | null = null): void {
    this.#work = work.then(
      () => {
        this.#work = null;
        this.#drained = end;
        if (clearEnd !== null) this.#clear?.giveBack(clearEnd);
        if (this.#stopped) return;
        this.#advance();
        if (!this.#stopped) this.#handlers.onDrained();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #opened(): OpenStream {
    if (this.#open === null) {
      throw new NamedError('RelayFault', 'a frame came without a stream; this is a fault in ka');
    }
    return this.#open;
  }

  /** Nothing is drained from now on. */
  #forget(): void {
    this.#stopped = true;
    this.#stopping.resolve();
    this.#queue = [];
    this.#digest?.drop();
  }

  async #fail(cause: unknown): Promise<void> {
    if (this.#stopped) return;
    this.#forget();
    const name = this.#open?.begin.name;
    const text = cause instanceof Error ? cause.message : String(cause);
    let error =
      cause instanceof NamedError
        ? cause
        : new NamedError('SinkFailed', `stream "${name}" could not be written: ${text}`, { cause });
    try {
      await this.#abortSink(error.message);
    } catch (second) {
      const too = second instanceof Error ? second.message : String(second);
      error = new NamedError(error.code, `${error.message}; stopping it failed too: ${too}`, {
        output: error.output,
        cause,
      });
    }
    this.#work = null;
    this.#handlers.onFailed(error);
  }

  async #abortSink(reason: string): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.sink?.abort(reason);
  }
}
