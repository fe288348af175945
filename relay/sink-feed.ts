/** Gives verified frames to the local sinks, one stream after the other, behind the network's back. */
import type { StreamBegin } from '../protocol/frame.ts';
import { NamedError } from '../system/named-error.ts';
import type { Frame } from './frame-scanner.ts';
import { SINK_BYTES } from './tuning.ts';

/** Where one stream goes. Opened per stream by the owner of the hop. */
export interface Sink {
  /** The memory is the ring's: valid until the promise resolves. */
  write(chunks: readonly Buffer[]): Promise<void>;
  /** Resolves when the exit status is known to be good. */
  end(): Promise<void>;
  abort(reason: string): Promise<void>;
}

export interface SinkFeedHandlers {
  openSink(begin: StreamBegin): Sink;
  onStream(event: {
    name: string;
    state: 'begin' | 'end' | 'abort';
    bytes: number;
    digest?: string;
  }): void;
  /** `drained` has moved, or everything is drained. */
  onDrained(): void;
  /** The sink failed, or the stream was aborted by the golden: nothing is drained from now on. */
  onFailed(error: NamedError): void;
}

export class SinkFeed {
  readonly #handlers: SinkFeedHandlers;
  #queue: Frame[] = [];
  #sink: { name: string; sink: Sink; bytes: number } | null = null;
  #drained = 0;
  #stopped = false;
  #closed = false;
  /** What the sink does now; null = it waits for frames. */
  #work: Promise<void> | null = null;

  constructor(handlers: SinkFeedHandlers) {
    this.#handlers = handlers;
  }

  /** Everything below this position is no longer needed here. */
  get drained(): number {
    return this.#stopped ? Number.POSITIVE_INFINITY : this.#drained;
  }

  /** Every stream of the pass has ended well. */
  get closed(): boolean {
    return this.#closed;
  }

  get idle(): boolean {
    return this.#work === null;
  }

  /** Takes a frame for the next `pump()`: frames that come together are drained together. */
  push(frame: Frame): void {
    if (!this.#stopped) this.#queue.push(frame);
  }

  /** Gives the sink what is here. While it works, the rest follows by itself. */
  pump(): void {
    if (this.#work !== null) return;
    const before = this.#drained;
    this.#advance();
    if (!this.#stopped && this.#drained !== before) this.#handlers.onDrained();
  }

  /** Stops draining, aborts an open sink and waits until it lets go of the ring's memory. */
  async stop(reason: string): Promise<void> {
    this.#stopped = true;
    this.#queue = [];
    await this.#abortSink(reason);
    await this.#work;
  }

  #advance(): void {
    try {
      for (;;) {
        const frame = this.#work === null ? this.#queue.shift() : undefined;
        if (frame === undefined) return;
        this.#take(frame);
      }
    } catch (error) {
      this.#work = this.#fail(error);
    }
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case 'begin': {
        const { name } = frame.begin;
        this.#sink = { name, sink: this.#handlers.openSink(frame.begin), bytes: 0 };
        this.#handlers.onStream({ name, state: 'begin', bytes: 0 });
        this.#drained = frame.end;
        return;
      }
      case 'data':
        this.#write(frame);
        return;
      case 'end':
        this.#doing(this.#end(frame), frame.end);
        return;
      case 'abort': {
        const { name, bytes } = this.#open();
        this.#handlers.onStream({ name, state: 'abort', bytes });
        throw new NamedError(
          'StreamAborted',
          `the golden gave up stream "${name}": ${frame.reason}`,
        );
      }
      case 'close':
        this.#closed = true;
        this.#drained = frame.end;
    }
  }

  /** DATA: as much as is here, in one go. */
  #write(first: Frame & { type: 'data' }): void {
    const open = this.#open();
    const chunks = [...first.payload];
    let { bytes, end } = first;
    for (let more = this.#queue[0]; more?.type === 'data'; more = this.#queue[0]) {
      if (bytes + more.bytes > SINK_BYTES) break;
      this.#queue.shift();
      chunks.push(...more.payload);
      bytes += more.bytes;
      end = more.end;
    }
    open.bytes += bytes;
    this.#doing(open.sink.write(chunks), end);
  }

  async #end({ bytes, digest }: Frame & { type: 'end' }): Promise<void> {
    const { name, sink } = this.#open();
    await sink.end();
    this.#sink = null;
    if (!this.#stopped) this.#handlers.onStream({ name, state: 'end', bytes, digest });
  }

  /** When `work` is done everything below `end` is drained, and the next frames follow. */
  #doing(work: Promise<void>, end: number): void {
    this.#work = work.then(
      () => {
        this.#work = null;
        this.#drained = end;
        if (this.#stopped) return;
        this.#advance();
        if (!this.#stopped) this.#handlers.onDrained();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #open(): { name: string; sink: Sink; bytes: number } {
    if (this.#sink === null) {
      throw new NamedError('RelayFault', 'a frame came without a stream; this is a fault in ka');
    }
    return this.#sink;
  }

  async #fail(cause: unknown): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#queue = [];
    const name = this.#sink?.name;
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
    const open = this.#sink;
    this.#sink = null;
    await open?.sink.abort(reason);
  }
}
