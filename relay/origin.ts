/** The golden's end of the chain: sources in, the ring, the first node behind it. */
import { ACK_INTERVAL_MS, PROBE } from '../protocol/constants.ts';
import type { LinkPeer } from '../protocol/control.ts';
import { FrameType, type StreamBegin } from '../protocol/frame.ts';
import { type StreamIdentity, type StreamRecord, streamBinding } from '../protocol/vouch.ts';
import { NamedError } from '../system/named-error.ts';
import type { ByteSource } from './byte-source.ts';
import { DigestThread } from './digest-thread.ts';
import { type FrameCipher, frameCipher } from './frame-cipher.ts';
import { frameSize, payloadAt } from './frame-size.ts';
import { FrameWriter } from './frame-writer.ts';
import type { HopEvent, HopOptions } from './hop.ts';
import { Outlet } from './outlet.ts';
import { Ring } from './ring.ts';
import { StreamDigest } from './stream-digest.ts';
import { FRAME_LEAST_BYTES } from './tuning.ts';
import { waitClock } from './wait-clock.ts';

export type OriginOptions = Omit<HopOptions, 'openSink' | 'node' | 'mostStreams'>;

/** The golden's own place in the chain. */
export interface OriginOrder {
  pass: number;
  epoch: number;
  /** The first node and the key of the link to it; null when there is none. */
  downstream: LinkPeer | null;
  /** How many nodes the chain has. */
  nodes: number;
}

/** A stream that was sent whole. */
export interface SentStream {
  /** Bytes of its DATA frames. */
  sentBytes: number;
  /** Over the tags of its frames. */
  digest: string;
  /** What to vouch for; null in a trusted network, and for noise. */
  record: StreamRecord | null;
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
  readonly #cipher: FrameCipher;
  /** Both only in an open network. */
  readonly #thread: DigestThread | null;
  readonly #digest: StreamDigest | null;
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
    const { network, key, pass, listen, redundancy } = options;
    const ring = new Ring(options.ringBytes, { shared: network === 'open' });
    this.#ring = ring;
    this.#cipher = frameCipher(network, key, pass);
    this.#thread = network === 'open' ? new DigestThread(ring.memory) : null;
    this.#digest =
      this.#thread &&
      new StreamDigest(
        { thread: this.#thread, ringBytes: options.ringBytes },
        { onSummed: () => this.#released(), onFailed: (error) => this.#fail(error) },
      );
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
      cipher: this.#cipher,
      pass,
      payloadAt: (position) => payloadAt(position, this.#frameBytes),
      room: () => this.#room(),
      onSealed: (type, payload) => {
        if (type === FrameType.data) this.#digest?.push(payload, ring.verified);
        this.#outlet.pump();
      },
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
   * pass is closed, `DigestFailed`.
   */
  async send(begin: StreamBegin, source: ByteSource): Promise<SentStream> {
    const writer = this.#writer;
    if (this.#source !== null || this.#closed) {
      throw new NamedError('RelayFault', `stream "${begin.name}" was sent out of order`);
    }
    this.#source = source;
    const mostBytes = Math.min(this.#ring.maxPayloadBytes, this.#cipher.maxPayloadBytes);
    this.#frameBytes = frameSize(begin.expectedBytes, this.#nodes, mostBytes);
    try {
      this.#throwIfAborted();
      await writer.begin(begin);
      const identity = this.#vouchFor(begin);
      this.#waits.switchTo('source');
      await source.pour({
        space: () => writer.space(),
        filled: (bytes) => writer.filled(bytes),
      });
      const { bytes, digest } = await writer.end();
      return { sentBytes: bytes, digest, record: await this.#recordOf(identity, bytes) };
    } catch (cause) {
      this.#digest?.drop();
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

  /** Bytes of the pass sealed so far. */
  get sent(): number {
    return this.#ring.verified;
  }

  /** Position the first node has acknowledged. */
  get acked(): number {
    return this.#outlet.acks[0] ?? 0;
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
    await Promise.all([this.#outlet.close(), this.#thread?.close()]);
    this.#cipher.close();
  }

  /** Begins the sum of a stream, if it is one to vouch for. */
  #vouchFor({ name, kind, encoding }: StreamBegin): StreamIdentity | null {
    if (this.#digest === null || kind === PROBE) return null;
    const { session, pass } = this.#options;
    const identity = { stream: this.#writer.stream, name, kind, encoding };
    this.#digest.begin(streamBinding(session, pass, identity));
    return identity;
  }

  async #recordOf(identity: StreamIdentity | null, bytes: number): Promise<StreamRecord | null> {
    if (this.#digest === null || identity === null) return null;
    return { ...identity, bytes, sha256: await this.#digest.end() };
  }

  /** What is sent can no longer be vouched for. */
  #fail(cause: unknown): void {
    const error = sourceError('', cause);
    this.#source?.destroy(error);
    this.#waiting?.reject(error);
    this.#released();
  }

  #isEmptied(): boolean {
    return this.#closed && this.#outlet.hasArrived(this.#ring.verified);
  }

  #released(): void {
    const ring = this.#ring;
    const unsummed = this.#digest?.floor ?? Number.POSITIVE_INFINITY;
    ring.release(Math.min(ring.verified, this.#outlet.floor, unsummed));
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
    this.#digest?.flush();
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
