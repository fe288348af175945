/** The golden's end of the chain: sources in, the ring, the first node behind it. */
import { ACK_INTERVAL_MS } from '../protocol/constants.ts';
import type { LinkPeer } from '../protocol/control.ts';
import type { StreamBegin } from '../protocol/frame.ts';
import { NamedError } from '../system/named-error.ts';
import type { ByteSource } from './byte-source.ts';
import { frameSize, payloadAt } from './frame-size.ts';
import { FrameWriter } from './frame-writer.ts';
import type { HopEvent, HopOptions } from './hop.ts';
import { Outlet } from './outlet.ts';
import { Ring } from './ring.ts';
import { FRAME_LEAST_BYTES } from './tuning.ts';
import { waitClock } from './wait-clock.ts';

export type OriginOptions = Omit<HopOptions, 'openSink' | 'node'>;

/** The golden's own place in the chain. */
export interface OriginOrder {
  pass: number;
  epoch: number;
  /** The first node and the key of the link to it; null when there is none. */
  downstream: LinkPeer | null;
  /** How many nodes the chain has. */
  nodes: number;
}

export interface OriginStats {
  /** Bytes of the pass produced so far, headers included. */
  sent: number;
  /** Received positions of the first k nodes. */
  acks: number[];
  /** Milliseconds since the last call spent waiting for the source, or for the chain. */
  waiting: { source: number; downstream: number };
}

export class Origin {
  /** Resolves when the first node has acknowledged the whole pass. Rejects with `Aborted`. */
  readonly emptied: Promise<void>;
  readonly #options: OriginOptions;
  readonly #onEvent: (event: HopEvent) => void;
  readonly #ring: Ring;
  readonly #outlet: Outlet;
  readonly #writer: FrameWriter;
  readonly #waits = waitClock(['source', 'downstream'] as const);
  readonly #settle: { resolve(): void; reject(error: NamedError): void };
  readonly #tickTimer: NodeJS.Timeout;
  #nodes = 1;
  /** Of the stream being sent, headers included. */
  #frameBytes = FRAME_LEAST_BYTES;
  #waiting: { resolve(): void; reject(error: NamedError): void } | null = null;
  #source: ByteSource | null = null;
  #closed = false;
  #aborted: NamedError | null = null;
  #closing: Promise<void> | null = null;

  /** `onEvent` hears of trouble with the first node only. */
  constructor(options: OriginOptions, onEvent: (event: HopEvent) => void) {
    this.#options = options;
    this.#onEvent = onEvent;
    const { key, pass, listen, redundancy } = options;
    const ring = new Ring(options.ringBytes);
    this.#ring = ring;
    this.#outlet = new Outlet(
      { pass, listen, redundancy, ring },
      {
        onAck: () => this.#released(),
        onTrouble: (what, message, error) => {
          if (!this.#isEmptied()) onEvent({ type: 'trouble', what, message, error });
        },
      },
    );
    this.#writer = new FrameWriter({
      ring,
      key,
      pass,
      payloadAt: (position) => payloadAt(position, this.#frameBytes),
      room: () => this.#room(),
      onSealed: () => this.#outlet.pump(),
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.emptied = promise;
    this.#settle = { resolve, reject };
    // The owner may never ask when the pass is given up.
    promise.catch(() => undefined);
    this.#tickTimer = setInterval(() => this.#tick(), ACK_INTERVAL_MS);
    options.signal.addEventListener('abort', this.#abort, { once: true });
    if (options.signal.aborted) this.#abort();
  }

  /** Port the first node dials, once `listen()` is done. */
  get port(): number {
    return this.#outlet.port;
  }

  /** Throws `ListenFailed`, `Aborted`. */
  async listen(): Promise<void> {
    this.#options.signal.throwIfAborted();
    await this.#outlet.listen();
  }

  /** Who is the first node from now on. Throws `WrongPass`. */
  serve(order: OriginOrder): void {
    if (order.pass !== this.#options.pass) {
      throw new NamedError(
        'WrongPass',
        `order of pass ${order.pass} for the golden of pass ${this.#options.pass}`,
      );
    }
    this.#nodes = order.nodes;
    this.#outlet.order(order.epoch, order.downstream);
  }

  /**
   * Sends one stream: BEGIN, what `source` pours, and END when it has ended
   * well. One at a time.
   *
   * When the source fails, the nodes are told with ABORT, and it throws the
   * source's own `NamedError`, else `SourceFailed`. Throws `Aborted` when the
   * pass is closed.
   */
  async send(
    begin: StreamBegin,
    source: ByteSource,
  ): Promise<{ sentBytes: number; digest: string }> {
    const writer = this.#writer;
    if (this.#source !== null || this.#closed) {
      throw new NamedError('RelayFault', `stream "${begin.name}" was sent out of order`);
    }
    this.#source = source;
    const { maxPayloadBytes } = this.#ring;
    this.#frameBytes = frameSize(begin.expectedBytes, this.#nodes, maxPayloadBytes);
    try {
      this.#throwIfAborted();
      await writer.begin(begin);
      this.#waits.switchTo('source');
      await source.pour({
        space: () => writer.space(),
        filled: (bytes) => writer.filled(bytes),
      });
      const { bytes, digest } = await writer.end();
      return { sentBytes: bytes, digest };
    } catch (cause) {
      this.#throwIfAborted();
      const error = sourceError(begin.name, cause);
      source.destroy(error);
      await writer.abort(error.message);
      throw error;
    } finally {
      this.#waits.switchTo(null);
      this.#source = null;
    }
  }

  /** No stream comes any more. Resolves when that is in the ring. Throws `Aborted`. */
  async finish(): Promise<void> {
    this.#throwIfAborted();
    await this.#writer.close();
    this.#closed = true;
    this.#released();
  }

  stats(): OriginStats {
    return {
      sent: this.#ring.verified,
      acks: [...this.#outlet.acks],
      waiting: this.#waits.take(),
    };
  }

  /** Ends all links and the source; nothing is left behind when it resolves. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  readonly #abort = (): void => {
    this.close().catch((error: Error) => {
      this.#onEvent({ type: 'trouble', what: 'downstream-lost', message: error.message, error });
    });
  };

  async #close(): Promise<void> {
    const error = new NamedError('Aborted', `pass ${this.#options.pass} was closed on the golden`);
    this.#aborted = error;
    this.#options.signal.removeEventListener('abort', this.#abort);
    clearInterval(this.#tickTimer);
    this.#source?.destroy(error);
    this.#waiting?.reject(error);
    this.#settle.reject(error);
    await this.#outlet.close();
  }

  #isEmptied(): boolean {
    return this.#closed && this.#outlet.hasArrived(this.#ring.verified);
  }

  #released(): void {
    const ring = this.#ring;
    ring.release(Math.min(ring.verified, this.#outlet.floor));
    if (ring.hasRoom) this.#waiting?.resolve();
    if (this.#isEmptied()) this.#settle.resolve();
  }

  async #room(): Promise<void> {
    this.#throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { resolve, reject };
    this.#waits.switchTo('downstream');
    try {
      await promise;
    } finally {
      this.#waiting = null;
      this.#waits.switchTo(this.#source === null ? null : 'source');
    }
  }

  #tick(): void {
    this.#outlet.tick(ACK_INTERVAL_MS);
    if (this.#outlet.idle) this.#writer.flushWhole();
  }

  #throwIfAborted(): void {
    if (this.#aborted !== null) throw this.#aborted;
  }
}

const sourceError = (name: string, cause: unknown): NamedError => {
  if (cause instanceof NamedError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new NamedError('SourceFailed', `source of stream "${name}" failed: ${text}`, { cause });
};
