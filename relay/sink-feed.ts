/** Gives verified frames to the local sinks, one stream after the other, behind the network's back. */
import type { StreamBegin } from '../protocol/frame.ts';
import { NamedError } from '../system/named-error.ts';
import type { Frame } from './frame-scanner.ts';
import { BATCH_BYTES } from './tuning.ts';

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
  #running: Promise<void> | null = null;

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
    return this.#running === null;
  }

  push(frame: Frame): void {
    if (this.#stopped) return;
    this.#queue.push(frame);
    this.#running ??= this.#run();
  }

  /** Stops draining, aborts an open sink and waits until it lets go of the ring's memory. */
  async stop(reason: string): Promise<void> {
    this.#stopped = true;
    this.#queue = [];
    await this.#abortSink(reason);
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      // Frames that arrive together are drained together.
      await Promise.resolve();
      for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
        this.#drained = await this.#take(frame);
        if (!this.#stopped) this.#handlers.onDrained();
      }
    } catch (error) {
      if (!this.#stopped) await this.#fail(error);
    } finally {
      this.#running = null;
    }
    // Only now it is idle, and what is waited for is something else.
    if (!this.#stopped) this.#handlers.onDrained();
  }

  #next(): Frame | undefined {
    return this.#queue.shift();
  }

  /** Handles one frame (DATA: as many as there are) and returns the position behind it. */
  async #take(frame: Frame): Promise<number> {
    switch (frame.type) {
      case 'begin': {
        const { name } = frame.begin;
        this.#sink = { name, sink: this.#handlers.openSink(frame.begin), bytes: 0 };
        this.#handlers.onStream({ name, state: 'begin', bytes: 0 });
        return frame.end;
      }
      case 'data':
        return this.#write(frame);
      case 'end': {
        const { name, sink } = this.#open();
        await sink.end();
        this.#sink = null;
        const { bytes, digest } = frame;
        if (!this.#stopped) this.#handlers.onStream({ name, state: 'end', bytes, digest });
        return frame.end;
      }
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
        return frame.end;
    }
  }

  async #write(first: Frame & { type: 'data' }): Promise<number> {
    const open = this.#open();
    const chunks = [...first.payload];
    let { bytes, end } = first;
    for (let more = this.#queue[0]; more?.type === 'data'; more = this.#queue[0]) {
      if (bytes + more.bytes > BATCH_BYTES) break;
      this.#queue.shift();
      chunks.push(...more.payload);
      bytes += more.bytes;
      end = more.end;
    }
    await open.sink.write(chunks);
    open.bytes += bytes;
    return end;
  }

  #open(): { name: string; sink: Sink; bytes: number } {
    if (this.#sink === null) {
      throw new NamedError('RelayFault', 'a frame came without a stream; this is a fault in ka');
    }
    return this.#sink;
  }

  async #fail(cause: unknown): Promise<void> {
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
    this.#handlers.onFailed(error);
  }

  async #abortSink(reason: string): Promise<void> {
    const open = this.#sink;
    this.#sink = null;
    await open?.sink.abort(reason);
  }
}
