/** A node of the chain: takes the pass from its upstream, keeps, forwards and drains it. */

import { ACK_INTERVAL_MS, GOLDEN_NODE, PROBE } from '../protocol/constants.ts';
import type { ChainOrder } from '../protocol/control.ts';
import type { StreamBegin } from '../protocol/frame.ts';
import type { LinkAnswer } from '../protocol/link.ts';
import type { Network } from '../protocol/network.ts';
import { type StreamRecord, streamBinding } from '../protocol/vouch.ts';
import { NamedError } from '../system/named-error.ts';
import { DigestThread } from './digest-thread.ts';
import { type FrameCipher, frameCipher } from './frame-cipher.ts';
import { type Frame, FrameScanner } from './frame-scanner.ts';
import {
  acknowledgeAtTick,
  acknowledgeNow,
  acknowledgeStep,
  forgettable,
  linkFor,
  samePositions,
} from './hop-rules.ts';
import { type DownstreamTrouble, Outlet } from './outlet.ts';
import { type LinkEnd, Redial } from './redial.ts';
import { Ring } from './ring.ts';
import { type EndedStream, type OpenedStream, type Sink, SinkFeed } from './sink-feed.ts';
import { StreamDigest } from './stream-digest.ts';
import { KEEP_ALIVE_MS, STALL_MS } from './tuning.ts';
import { UpstreamLink } from './upstream-link.ts';
import { waitClock } from './wait-clock.ts';

export type { StreamBegin } from '../protocol/frame.ts';
export type { Sink } from './sink-feed.ts';

export interface HopOptions {
  session: string;
  pass: number;
  network: Network;
  /** Of the pass, 16 bytes. */
  key: Buffer;
  /** Number of this node: 1, 2, … */
  node: number;
  /** Where the downstream dials; port 0 = any. */
  listen: { host: string; port: number };
  ringBytes: number;
  /** How many following nodes must have a byte before it is forgotten. */
  redundancy: number;
  /** More streams than these are not the golden's. */
  mostStreams: number;
  /** null for a stream this node only passes on. */
  openSink(begin: StreamBegin): Sink | null;
  /**
   * Resolves when what a stream this node keeps has brought may be built on; until
   * then no later one is opened. Undefined = at once.
   */
  vouched?: (stream: number) => Promise<void>;
  /** Aborting it is the same as `close()`. */
  signal: AbortSignal;
}

export type TroubleName =
  | 'upstream-lost'
  | 'downstream-lost'
  | 'downstream-silent'
  | 'damaged'
  | 'gone'
  | 'sink-failed';

export type HopEvent =
  | { type: 'trouble'; what: TroubleName; message: string; error?: Error }
  | {
      type: 'stream';
      name: string;
      state: 'begin' | 'end' | 'abort';
      /** This node does not only pass it on. */
      kept: boolean;
      /** DATA bytes of the stream. */
      bytes: number;
      digest?: string;
    }
  /**
   * A stream this node keeps came to its end in an open network. `from`: the
   * nodes it was read from, in words.
   */
  | { type: 'record'; record: StreamRecord; from: string };

export interface HopStats {
  /** Bytes of the pass verified into the ring. */
  received: number;
  /** Bytes of the pass the local sinks have taken; `received` once the sink has failed. */
  drained: number;
  /** Whether the upstream serves this node now. */
  linked: boolean;
  /** Stream being received, and its DATA bytes so far. */
  stream: string | null;
  streamBytes: number;
  /** Position the next node has acknowledged; null = nobody is behind. */
  downstream: number | null;
  /** The same of the next k nodes. */
  acks: number[];
  /**
   * Milliseconds since the last call: everything was done and nothing came
   * (`upstream`); the ring was full because of the local sink, or because of
   * the nodes behind.
   */
  waiting: { upstream: number; sink: number; downstream: number };
}

export class Hop {
  /**
   * Resolves when the whole pass is here, the sinks have ended well and the
   * downstream (if there is one) has everything. The hop serves on until
   * `close()`. Rejects with the `NamedError` by which this node lost the pass:
   * `PositionGone`, `StreamAborted`, that of the sink, `Aborted`.
   */
  readonly finished: Promise<void>;
  readonly #options: HopOptions;
  readonly #onEvent: (event: HopEvent) => void;
  readonly #ring: Ring;
  readonly #cipher: FrameCipher;
  /** Only in an open network. */
  readonly #thread: DigestThread | null;
  readonly #digest: StreamDigest | null;
  readonly #scanner: FrameScanner;
  readonly #feed: SinkFeed;
  readonly #outlet: Outlet;
  readonly #redial = new Redial();
  readonly #waits = waitClock(['upstream', 'sink', 'downstream'] as const);
  readonly #ackBytes: number;
  readonly #settle: { resolve(): void; reject(error: NamedError): void };
  readonly #tickTimer: NodeJS.Timeout;
  #order: ChainOrder | null = null;
  #link: UpstreamLink | null = null;
  #dialTimer: NodeJS.Timeout | null = null;
  /** What each stream was read from, by its number. */
  readonly #upstreams = new Map<number, Set<string>>();
  #streamNow = 0;
  /** Begun so far, those of the golden's noise too. */
  #streams = 0;
  #reported: readonly number[] = [];
  #ticksSinceReport = 0;
  #headAtTick = 0;
  #stalledTicks = 0;
  #closing: Promise<void> | null = null;

  constructor(options: HopOptions, onEvent: (event: HopEvent) => void) {
    this.#options = options;
    this.#onEvent = onEvent;
    const { key, pass, network } = options;
    this.#ring = new Ring(options.ringBytes, { shared: network === 'open' });
    this.#ackBytes = acknowledgeStep(this.#ring.capacityBytes);
    this.#cipher = frameCipher(network, key, pass);
    this.#thread = network === 'open' ? new DigestThread(this.#ring.memory) : null;
    this.#digest =
      this.#thread &&
      new StreamDigest(
        { thread: this.#thread, ringBytes: options.ringBytes },
        { onSummed: () => this.#released(), onFailed: (error) => this.#feed.fail(error) },
      );
    this.#scanner = new FrameScanner({
      ring: this.#ring,
      cipher: this.#cipher,
      pass,
      clearSpace: (bytes) => this.#feed.clearSpace(bytes),
    });
    const summing = { cipher: this.#cipher, digest: this.#digest };
    this.#feed = new SinkFeed(summing, {
      openSink: (begin) => options.openSink(this.#counted(begin)),
      bindingOf: (opened) => streamBinding(options.session, pass, identityOf(opened)),
      onBegin: ({ begin: { name } }, kept) =>
        onEvent({ type: 'stream', name, state: 'begin', kept, bytes: 0 }),
      onEnd: (ended) => this.#streamEnded(ended),
      onAbort: ({ begin: { name } }, kept, bytes) =>
        onEvent({ type: 'stream', name, state: 'abort', kept, bytes }),
      onDrained: () => this.#released(),
      onFailed: (error) => this.#sinkFailed(error),
    });
    this.#outlet = new Outlet(
      { pass, listen: options.listen, redundancy: options.redundancy, ring: this.#ring },
      {
        onAck: () => this.#acknowledged(),
        onTrouble: (what, message, error) => this.#downstreamTrouble(what, message, error),
      },
    );
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#settle = { resolve, reject };
    // The owner may look at it late, or only at the trouble that came with it.
    promise.catch(() => undefined);
    this.#tickTimer = setInterval(() => this.#tick(), ACK_INTERVAL_MS);
    options.signal.addEventListener('abort', this.#abort, { once: true });
    if (options.signal.aborted) this.#abort();
  }

  /** Port the downstream dials, once `listen()` is done. */
  get port(): number {
    return this.#outlet.port;
  }

  /** Throws `ListenFailed`, `Aborted`. */
  async listen(): Promise<void> {
    this.#options.signal.throwIfAborted();
    await this.#outlet.listen();
  }

  /**
   * Takes its place in the chain: the first order starts, later ones repair.
   * One with a lower epoch than the last is ignored. Throws `WrongPass`.
   */
  follow(order: ChainOrder): void {
    if (order.pass !== this.#options.pass) {
      throw new NamedError(
        'WrongPass',
        `order of pass ${order.pass} for the hop of pass ${this.#options.pass}`,
      );
    }
    if (this.#closing !== null) return;
    const change = linkFor(this.#order, order, this.#link !== null);
    if (change === 'ignore') return;
    this.#order = order;
    this.#outlet.order(order.epoch, order.downstream);
    if (change === 'keep') return;
    this.#redial.reset();
    this.#dial();
  }

  stats(): HopStats {
    const received = this.#ring.verified;
    const acks = [...this.#outlet.acks];
    return {
      received,
      drained: Math.min(this.#feed.drained, received),
      linked: this.#link?.connected ?? false,
      stream: this.#scanner.stream?.name ?? null,
      streamBytes: this.#scanner.stream?.bytes ?? 0,
      downstream: acks[0] ?? null,
      acks,
      waiting: this.#waits.take(),
    };
  }

  /**
   * Keeps nothing from now on, and goes on relaying. Resolves when the sink has let
   * go of what it writes to.
   */
  async keepNothing(reason: string): Promise<void> {
    await this.#feed.stop(reason);
    this.#released();
  }

  /** Ends all links and an open sink; nothing of this hop is left behind when it resolves. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  readonly #abort = (): void => {
    this.close().catch((error: Error) => {
      this.#trouble('sink-failed', `sink could not be stopped: ${error.message}`, error);
    });
  };

  async #close(): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#abort);
    clearInterval(this.#tickTimer);
    this.#hangUp();
    const reason = `pass ${this.#options.pass} was closed on this node`;
    this.#settle.reject(new NamedError('Aborted', reason));
    await Promise.all([this.#outlet.close(), this.#feed.stop(reason), this.#thread?.close()]);
    this.#cipher.close();
  }

  async #streamEnded({ kept, bytes, digest, sha256, ...opened }: EndedStream): Promise<void> {
    const { name } = opened.begin;
    this.#onEvent({ type: 'stream', name, state: 'end', kept, bytes, digest });
    if (sha256 === null) return;
    const record = { ...identityOf(opened), bytes, sha256 };
    const from = this.#readFrom(record.stream);
    this.#onEvent({ type: 'record', record, from });
    await this.#options.vouched?.(record.stream);
  }

  #readFrom(stream: number): string {
    return [...(this.#upstreams.get(stream) ?? [])].join(' and ');
  }

  /** Whoever has the key of the pass can begin as many as it likes. */
  #counted(begin: StreamBegin): StreamBegin {
    this.#streams += 1;
    const { mostStreams } = this.#options;
    if (this.#streams <= mostStreams) return begin;
    throw new NamedError(
      'ForgedStream',
      `stream "${begin.name}" is not what the golden sent: this pass has no more than ${mostStreams} streams; it came from ${this.#readFrom(this.#streams)}`,
    );
  }

  #dial(): void {
    this.#hangUp();
    const order = this.#order;
    if (order === null || this.#closing !== null) return;
    this.#ring.rewind();
    this.#scanner.restart();
    const { pass, node } = this.#options;
    const key = Buffer.from(order.upstream.key, 'base64');
    const get = { pass, epoch: order.epoch, node, position: this.#ring.verified };
    const link = new UpstreamLink(
      order.upstream,
      { key, get, ring: this.#ring },
      {
        onAnswer: (answer) => this.#answered(answer),
        onBytes: () => {
          this.#bytesCame();
          return this.#scanner.missing;
        },
        onPause: () => this.#noteWait(),
        onEnd: (error) => this.#linkEnded(error),
      },
    );
    this.#link = link;
  }

  #hangUp(): void {
    if (this.#dialTimer !== null) clearTimeout(this.#dialTimer);
    this.#dialTimer = null;
    this.#link?.destroy();
    this.#link = null;
  }

  #answered(answer: LinkAnswer): void {
    const where = this.#upstreamName();
    if (answer.status === 'ok') {
      this.#report();
      return;
    }
    const message = `upstream ${where} no longer has position ${this.#ring.verified}, only from ${answer.position} on`;
    this.#hangUp();
    const error = new NamedError('PositionGone', message);
    this.#trouble('gone', message, error);
    this.#settle.reject(error);
  }

  #bytesCame(): void {
    const before = this.#ring.verified;
    try {
      this.#scanner.scan(this.#takeFrame);
    } finally {
      // Forward first: a slow sink must not hold back the chain before the ring is full.
      if (this.#ring.verified !== before) this.#advanced();
    }
  }

  readonly #takeFrame = (frame: Frame): void => {
    this.#noteUpstream(frame);
    this.#feed.push(frame);
  };

  #noteUpstream(frame: Frame): void {
    // Not of those that nobody asks about.
    if (frame.type === 'begin' && frame.stream > this.#options.mostStreams + 1) return;
    if (frame.type === 'begin') {
      this.#streamNow = frame.stream;
      this.#upstreams.set(frame.stream, new Set());
    }
    this.#upstreams.get(this.#streamNow)?.add(this.#upstreamName());
  }

  #advanced(): void {
    this.#redial.reset();
    this.#outlet.pump();
    this.#feed.pump();
    const last = this.#reported[0] ?? 0;
    if (this.#scanner.closed || this.#ring.verified - last >= this.#ackBytes) this.#report();
    this.#noteWait();
  }

  #linkEnded(error: NamedError): void {
    this.#link = null;
    const how = linkEndOf(error);
    const decision = this.#redial.ended(how, this.#ring.verified);
    // With the whole pass here the link serves only to tell so.
    if (decision.report !== null && !this.#scanner.closed) {
      this.#trouble(decision.report, error.message, error);
    }
    this.#dialTimer = setTimeout(() => this.#dial(), decision.delayMs);
  }

  #acknowledged(): void {
    this.#released();
    if (this.#link === null) return;
    const now = this.#outlet.report(this.#ring.verified);
    const tail = this.#scanner.closed && !samePositions(now, this.#reported);
    if (tail || acknowledgeNow(now, this.#reported, this.#ackBytes)) this.#report();
  }

  /** A sink or the nodes behind have let go of bytes. */
  #released(): void {
    const ring = this.#ring;
    ring.release(forgettable(ring.verified, this.#feed.drained, this.#outlet.floor));
    if (ring.hasRoom) this.#link?.resume();
    this.#noteWait();
    const all = this.#scanner.closed && this.#feed.closed;
    if (all && this.#outlet.hasArrived(ring.verified)) this.#settle.resolve();
  }

  #sinkFailed(error: NamedError): void {
    this.#trouble('sink-failed', error.message, error);
    this.#settle.reject(error);
    this.#released();
  }

  #downstreamTrouble(what: DownstreamTrouble, message: string, error: NamedError): void {
    const done = this.#scanner.closed && this.#outlet.hasArrived(this.#ring.verified);
    if (!done) this.#trouble(what, message, error);
  }

  #tick(): void {
    this.#outlet.tick(ACK_INTERVAL_MS);
    this.#digest?.flush();
    this.#ticksSinceReport += 1;
    const { head, verified } = this.#ring;
    const bytesCame = head !== this.#headAtTick;
    this.#headAtTick = head;
    const tell = acknowledgeAtTick(this.#outlet.report(verified), this.#reported, {
      bytesCame,
      noise: this.#scanner.stream?.name === PROBE,
    });
    if (tell || this.#ticksSinceReport * ACK_INTERVAL_MS >= KEEP_ALIVE_MS) this.#report();
    this.#checkStall(bytesCame);
  }

  /** A frame whose rest does not come: its length may be damaged, or the link is dead. */
  #checkStall(bytesCame: boolean): void {
    const { head, verified } = this.#ring;
    const link = this.#link;
    const waits = link?.connected && !link.paused && !bytesCame;
    const stalled = waits && head > verified;
    this.#stalledTicks = stalled ? this.#stalledTicks + 1 : 0;
    if (waits) link.readAll();
    if (this.#stalledTicks * ACK_INTERVAL_MS < STALL_MS) return;
    this.#stalledTicks = 0;
    this.#hangUp();
    const message = `upstream ${this.#upstreamName()} stopped in the middle of a frame at position ${verified}`;
    this.#linkEnded(new NamedError('FrameDamaged', message));
  }

  #report(): void {
    if (!this.#link?.connected) return;
    this.#reported = this.#outlet.report(this.#ring.verified);
    this.#ticksSinceReport = 0;
    this.#link.acknowledge(this.#reported);
  }

  #noteWait(): void {
    if (this.#link?.paused) {
      this.#waits.switchTo(this.#feed.drained <= this.#outlet.floor ? 'sink' : 'downstream');
    } else {
      this.#waits.switchTo(this.#feed.idle && this.#outlet.idle ? 'upstream' : null);
    }
  }

  #upstreamName(): string {
    const upstream = this.#order?.upstream;
    const who = upstream?.node === GOLDEN_NODE ? 'the golden' : `node ${upstream?.node}`;
    return `${who} (${upstream?.host}:${upstream?.port})`;
  }

  #trouble(what: TroubleName, message: string, error: Error): void {
    this.#onEvent({ type: 'trouble', what, message, error });
  }
}

const identityOf = ({ stream, begin: { name, kind, encoding } }: OpenedStream) => ({
  stream,
  name,
  kind,
  encoding,
});

const linkEndOf = (error: NamedError): LinkEnd => {
  if (error.code === 'FrameDamaged') return 'damaged';
  return error.code === 'LinkDeclined' ? 'declined' : 'lost';
};
