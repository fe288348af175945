/**
 * One pass: streams go once through the chain of the nodes that are ready.
 * Carries out what the chain keeper decides, and sends.
 */
import { randomBytes } from 'node:crypto';
import { DEFAULT_REDUNDANCY, GOLDEN_NODE } from '../protocol/constants.ts';
import type { ChainOrder, GoldenMessage, NodeMessage } from '../protocol/control.ts';
import type { NewEvent } from '../protocol/events.ts';
import { toFailure } from '../protocol/failure.ts';
import { FRAME_KEY_BYTES } from '../protocol/frame.ts';
import { LINK_KEY_BYTES } from '../protocol/link.ts';
import type { Network } from '../protocol/network.ts';
import type { StreamRecord } from '../protocol/vouch.ts';
import type { HopEvent } from '../relay/hop.ts';
import { Origin } from '../relay/origin.ts';
import { compareAddresses } from '../system/interfaces.ts';
import type { CommandLog } from '../system/run.ts';
import { type Bypass, ChainKeeper, type Orders, type SlowPolicy } from './chain-keeper.ts';
import { type ChainPlace, inOrderOf } from './chain-order.ts';
import { chooseEncoding, type SourceRates } from './encoding.ts';
import { measureLine } from './line-rate.ts';
import { isLastPass, type Member, type PositionMessage, tell } from './member.ts';
import { PassProgress } from './pass-progress.ts';
import type { Standing } from './patience.ts';
import type { Roster } from './roster.ts';
import type { Encoding, StreamSource } from './stream-source.ts';

export interface PassOptions {
  number: number;
  members: Member[];
  roster: Roster;
  /** Name of the session. */
  session: string;
  network: Network;
  listen: { host: string; port: number };
  ringBytes: number;
  sources: readonly StreamSource[];
  /** How to send, or how to learn what the golden can do with its own data, to choose by. */
  encoding: Encoding | (() => Promise<SourceRates>);
  slow: SlowPolicy;
  emit: (event: NewEvent) => void;
  /** Commands run on the golden and what they say. */
  log: CommandLog;
  signal: AbortSignal;
}

export interface PassTotals {
  sentBytes: number;
  sourceBytes: number;
  /** First byte → last source ended. */
  transferMs: number;
  /** Last source ended → last node had everything, at least in its memory. */
  emptiedMs: number;
}

type Trouble = Extract<NodeMessage, { type: 'trouble' }>;

/** How often the chain is looked at. */
const TICK_MS = 250;

const byAddress = (a: Member, b: Member): number =>
  compareAddresses(a.address, b.address) || a.hello.dataPort - b.hello.dataPort;

const placeOf = (member: Member): ChainPlace => ({
  node: member.number,
  host: member.address,
  port: member.hello.dataPort,
});

export class Pass {
  readonly #options: PassOptions;
  readonly #origin: Origin;
  readonly #progress: PassProgress;
  /** Known to its members only, and never on a disk. */
  readonly #key = randomBytes(FRAME_KEY_BYTES);
  /** Streams that were vouched for. */
  readonly #vouched: number[] = [];
  /** Ends when the pass does, whatever the reason. */
  readonly #over = new AbortController();
  readonly #keeper: ChainKeeper;
  #timer: NodeJS.Timeout | undefined;
  /** Position at which the first stream begins: what was sent before only measured the line. */
  #streamsFrom: number | undefined;
  /** Nothing more will be sent. */
  #ended = false;
  /** Bytes of the whole pass, once all are known. */
  #total: number | undefined;

  constructor(options: PassOptions) {
    this.#options = options;
    this.#keeper = new ChainKeeper({
      pass: options.number,
      golden: { node: GOLDEN_NODE, host: '', port: options.listen.port },
      chain: inOrderOf(options.number, [...options.members].sort(byAddress)).map(placeOf),
      ringBytes: options.ringBytes,
      slow: options.slow,
      lastChance: new Set(options.members.filter(isLastPass).map(({ number }) => number)),
      newKey: () => randomBytes(LINK_KEY_BYTES).toString('base64'),
    });
    const signal = AbortSignal.any([options.signal, this.#over.signal]);
    this.#origin = new Origin(
      {
        session: options.session,
        pass: options.number,
        network: options.network,
        key: this.#key,
        listen: options.listen,
        ringBytes: options.ringBytes,
        redundancy: DEFAULT_REDUNDANCY,
        signal,
      },
      this.#onOriginEvent,
    );
    this.#progress = new PassProgress({
      pass: options.number,
      expectedBytes: this.#expectedBytes,
      origin: this.#origin,
      chain: () => this.#chain,
      from: () => this.#streamsFrom,
      emit: options.emit,
    });
  }

  get number(): number {
    return this.#options.number;
  }

  includes(member: Member): boolean {
    return this.#keeper.nodes.includes(member.number);
  }

  /** How far it is. */
  get standing(): Standing {
    const { sent, acked } = this.#origin;
    return { pass: this.number, chain: this.#chain, sent, acked, ended: this.#ended };
  }

  /** Runs the pass to its end. Rejects when the golden itself fails (a source, the signal). */
  async run(): Promise<PassTotals> {
    const { number, emit, signal } = this.#options;
    const nodes = this.#chain.map((member) => member.number);
    const start = { pass: number, of: number, nodes, expectedBytes: this.#expectedBytes };
    try {
      await this.#origin.listen();
      this.#startChain();
      const encoding = await this.#chooseEncoding();
      emit({ kind: 'pass', state: 'start', encoding, ...start });
      this.#progress.start();
      const startedMs = Date.now();
      const sourceBytes = await this.#sendAll(encoding);
      const endedMs = Date.now();
      await this.#allReceived(signal);
      this.#release();
      const totals = {
        sentBytes: this.#sentBytes,
        sourceBytes,
        transferMs: endedMs - startedMs,
        emptiedMs: Date.now() - endedMs,
      };
      this.#progress.finish();
      const { sentBytes, transferMs, emptiedMs } = totals;
      emit({ kind: 'pass', state: 'finish', ...start, sentBytes, transferMs, emptiedMs });
      return totals;
    } finally {
      clearInterval(this.#timer);
      this.#progress.stop();
      this.#over.abort();
      await this.#origin.close();
      this.#key.fill(0);
    }
  }

  /** Takes a node out of the chain and joins its neighbours. */
  drop(member: Member, why: string): void {
    const orders = this.#keeper.leave(member.number);
    if (!orders) return;
    this.#order(orders, why);
    this.#options.roster.changed();
  }

  /** A node's regular word on where it is. */
  position(member: Member, position: PositionMessage): void {
    if (position.pass !== this.number) return;
    member.position = position;
    this.#keeper.report(member.number, position, Date.now());
    if (this.#total !== undefined) this.#options.roster.changed();
  }

  /** What a node says of its place in the chain. */
  trouble(member: Member, trouble: Trouble): void {
    if (trouble.pass !== this.number || !this.includes(member)) return;
    const { emit } = this.#options;
    emit({ kind: 'log', node: member.number, level: 'warning', message: trouble.message });
    if (trouble.what === 'gone') this.#bypass(member, trouble.message);
    if (trouble.what === 'downstream-silent') {
      this.#takeOut(this.#keeper.silent(member.number, trouble.epoch, trouble.message, Date.now()));
    }
    if (trouble.what === 'upstream-lost' || trouble.what === 'damaged') {
      this.#keeper.complain(member.number, trouble.message, Date.now());
    }
  }

  get #sentBytes(): number {
    return this.#streamsFrom === undefined ? 0 : this.#origin.stats().sent - this.#streamsFrom;
  }

  get #expectedBytes(): number {
    const sizes = this.#options.sources.map(({ plan }) => plan.expectedBytes ?? 0);
    return sizes.includes(0) ? 0 : sizes.reduce((sum, size) => sum + size, 0);
  }

  #onOriginEvent = (event: HopEvent): void => {
    if (event.type !== 'trouble') return;
    const { emit } = this.#options;
    emit({ kind: 'log', node: null, level: 'warning', message: event.message });
    if (event.what === 'downstream-silent') {
      this.#takeOut(
        this.#keeper.silent(GOLDEN_NODE, this.#keeper.epoch, event.message, Date.now()),
      );
    }
  };

  #startChain(): void {
    const { ringBytes, roster, network } = this.#options;
    const first = this.#keeper.begin(Date.now());
    const key = this.#key.toString('base64');
    const terms = { network, key, ringBytes, redundancy: DEFAULT_REDUNDANCY };
    for (const member of this.#chain) {
      member.position = undefined;
      member.passes += 1;
      roster.set(member, 'receiving');
      const order = first.orders.get(member.number);
      if (order) tell(member, { type: 'pass', order, ...terms });
    }
    this.#serve(first);
    this.#timer = setInterval(this.#tick, TICK_MS);
  }

  /** Nodes in the chain, first to last. */
  get #chain(): Member[] {
    return this.#keeper.nodes.flatMap((number) => this.#options.roster.byNumber(number) ?? []);
  }

  #order(orders: Orders, why: string): void {
    this.#serve(orders, why);
    for (const [number, order] of orders.orders) {
      const member = this.#options.roster.byNumber(number);
      if (member) tell(member, { type: 'chain', order });
    }
  }

  /** Tells the golden's own end who is first, and everybody what the chain looks like. */
  #serve({ epoch, first }: Orders, why?: string): void {
    const order = this.#keeper.nodes;
    this.#origin.serve({ pass: this.number, epoch, downstream: first, nodes: order.length });
    const reason = why === undefined ? {} : { why };
    this.#options.emit({ kind: 'chain', pass: this.number, epoch, order, ...reason });
  }

  #tick = (): void => {
    for (const bypass of this.#keeper.tick(this.#progress.sent, Date.now())) this.#takeOut(bypass);
  };

  /** One that has everything loses only its place in the chain. */
  #takeOut(bypass: Bypass | undefined): void {
    const member = bypass && this.#options.roster.byNumber(bypass.node);
    if (!member) return;
    if (member.state === 'receiving') this.#bypass(member, bypass.why);
    else this.drop(member, `${member.name}: ${bypass.why}`);
  }

  /** Measures the line by sending noise through the chain. */
  async #chooseEncoding(): Promise<Encoding> {
    const { encoding: wanted, emit } = this.#options;
    if (typeof wanted === 'string') return wanted;
    const line = await this.#measureLine();
    if (line === undefined) return 'identity';
    const rates = { ...(await wanted()), line };
    const encoding = chooseEncoding(rates);
    const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB/s`;
    emit({
      kind: 'log',
      node: null,
      level: 'info',
      message: `measured: reading ${mib(rates.read)}, zstd ${mib(rates.compress)} to ${Math.round(rates.ratio * 100)} %, chain ${mib(line)}; ${encoding === 'zstd' ? 'compressing' : 'not compressing'}`,
    });
    return encoding;
  }

  /** Bytes per second through the chain; undefined when everybody left meanwhile. */
  async #measureLine(): Promise<number | undefined> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, over.signal]);
    const acknowledging = () => Math.min(DEFAULT_REDUNDANCY, this.#chain.length);
    try {
      return await this.#untilEmpty(measureLine(this.#origin, acknowledging, signal));
    } finally {
      over.abort();
    }
  }

  async #sendAll(encoding: Encoding): Promise<number> {
    let sourceBytes = 0;
    for (const source of this.#options.sources) {
      if (this.#chain.length === 0) break;
      sourceBytes += await this.#sendOne(source, encoding);
    }
    if (this.#options.network === 'open') {
      this.#tellAll({ type: 'vouched', pass: this.number, streams: this.#vouched });
    }
    this.#ended = true;
    await this.#untilEmpty(this.#origin.finish());
    return sourceBytes;
  }

  /** Over each node's own link: what comes through the chain, any member can have made. */
  #vouchFor(record: StreamRecord): void {
    this.#vouched.push(record.stream);
    this.#tellAll({ type: 'vouch', pass: this.number, ...record });
  }

  /** Also those who left the chain and still write what is in their memory. */
  #tellAll(message: GoldenMessage): void {
    for (const member of this.#options.members) tell(member, message);
  }

  async #sendOne(source: StreamSource, encoding: Encoding): Promise<number> {
    const { emit, signal } = this.#options;
    const { name, kind, expectedBytes } = source.plan;
    this.#streamsFrom ??= this.#origin.stats().sent;
    const expected = expectedBytes === undefined ? {} : { expectedBytes };
    emit({ kind: 'stream', pass: this.number, name, state: 'start', ...expected });
    const stream = new AbortController();
    const opened = source.open({
      encoding,
      signal: AbortSignal.any([signal, stream.signal]),
      log: this.#options.log,
      onBytes: (bytes) => this.#progress.sourced(bytes),
    });
    try {
      const sending = this.#origin.send(
        { name, kind, encoding, expectedBytes: expectedBytes ?? null },
        opened,
      );
      const sent = await this.#untilEmpty(sending);
      if (sent === undefined) return 0;
      if (sent.record !== null) this.#vouchFor(sent.record);
      const { sourceBytes } = opened;
      emit({
        kind: 'stream',
        pass: this.number,
        name,
        state: 'finish',
        sourceBytes,
        sentBytes: sent.sentBytes,
      });
      this.#progress.streamEnded(sourceBytes);
      return sourceBytes;
    } catch (error) {
      emit({
        kind: 'stream',
        pass: this.number,
        name,
        state: 'fail',
        failure: toFailure(error),
      });
      throw error;
    } finally {
      stream.abort();
      await opened.ended();
    }
  }

  /** The promise's value, or undefined as soon as nobody is left in the chain. */
  async #untilEmpty<T>(promise: Promise<T>): Promise<T | undefined> {
    const settled = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, settled.signal]);
    const empty = this.#options.roster
      .until(() => this.#chain.length === 0, signal)
      .then(
        () => undefined,
        (error: unknown) => {
          if (settled.signal.aborted) return undefined;
          throw error;
        },
      );
    try {
      return await Promise.race([promise, empty]);
    } finally {
      settled.abort();
      promise.catch(() => undefined);
    }
  }

  /**
   * Nobody needs the chain any more when the last node has all bytes: a disk
   * that still has to take them from its own node's memory holds up no other.
   */
  async #allReceived(signal: AbortSignal): Promise<void> {
    const total = this.#origin.stats().sent;
    this.#total = total;
    const lacking = () =>
      this.#chain.some(
        ({ state, position }) => state === 'receiving' && (position?.received ?? 0) < total,
      );
    await this.#options.roster.until(() => !lacking(), signal);
  }

  /** Whose disk is still busy need not wait for the word of others who are let go. */
  #release(): void {
    const busy = this.#chain.filter(({ state }) => state === 'receiving');
    if (busy.length === 0) return;
    const last = new Map<number, ChainOrder>();
    for (const member of this.#chain.filter((one) => !busy.includes(one))) {
      for (const [number, order] of this.#keeper.leave(member.number)?.orders ?? []) {
        last.set(number, order);
      }
    }
    for (const member of busy) {
      const order = last.get(member.number);
      if (order) tell(member, { type: 'chain', order });
    }
  }

  #bypass(member: Member, why: string): void {
    tell(member, { type: 'eject', reason: why, final: false });
    this.drop(member, `${member.name}: ${why}`);
    this.#options.roster.set(member, 'bypassed', { why });
  }
}
