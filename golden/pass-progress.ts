/** Turns positions into the progress events of one pass: rates, ETA, what limits it. */
import type { NewEvent } from '../protocol/events.ts';
import type { Origin } from '../relay/origin.ts';
import type { Member } from './member.ts';

export interface PassProgressOptions {
  pass: number;
  expectedBytes: number;
  origin: Origin;
  chain: () => readonly Member[];
  /** Position at which the streams begin; undefined = they have not begun. */
  from: () => number | undefined;
  emit: (event: NewEvent) => void;
}

const INTERVAL_MS = 500;
/** Rates are averaged over about this long. */
const WINDOW_MS = 3000;
/** Share of an interval spent waiting that makes a place the bottleneck. */
const MOSTLY = 0.5;

type NodeProgress = Extract<NewEvent, { kind: 'progress' }>['nodes'][number];

interface Track {
  received: number;
  rate: number;
}

const smooth = (old: number, now: number, elapsedMs: number): number => {
  const weight = 1 - Math.exp(-elapsedMs / WINDOW_MS);
  return old === 0 ? now : old + (now - old) * weight;
};

export class PassProgress {
  readonly #options: PassProgressOptions;
  readonly #tracks = new Map<number, Track>();
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #lastSent = 0;
  #lineRate = 0;
  #sourceRate = 0;
  #endedStreams = 0;
  #runningStream = 0;
  #lastSource = 0;

  constructor(options: PassProgressOptions) {
    this.#options = options;
  }

  start(): void {
    this.#lastMs = Date.now();
    this.#lastSent = this.#options.origin.stats().sent;
    this.#timer = setInterval(this.#tick, INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Position on the line, as of the last look. */
  get sent(): number {
    return this.#lastSent;
  }

  /** A last event, so that observers end at the true totals. */
  finish(): void {
    this.#tick();
  }

  /** Uncompressed bytes read so far of the running stream. */
  sourced(bytes: number): void {
    this.#runningStream = bytes;
  }

  streamEnded(bytes: number): void {
    this.#endedStreams += bytes;
    this.#runningStream = 0;
  }

  #tick = (): void => {
    const { pass, origin, emit } = this.#options;
    const now = Date.now();
    const elapsedMs = Math.max(1, now - this.#lastMs);
    const stats = origin.stats();
    const sourceBytes = this.#endedStreams + this.#runningStream;
    const perSecond = (bytes: number) => (bytes * 1000) / elapsedMs;
    this.#lineRate = smooth(this.#lineRate, perSecond(stats.sent - this.#lastSent), elapsedMs);
    this.#sourceRate = smooth(
      this.#sourceRate,
      perSecond(sourceBytes - this.#lastSource),
      elapsedMs,
    );
    const from = this.#options.from() ?? stats.sent;
    const nodes = this.#nodes(stats.sent, from, elapsedMs);
    const chain = this.#options.chain();
    const sourceWait = stats.waiting.source / elapsedMs;
    emit({
      kind: 'progress',
      pass,
      stream: chain.find(({ position }) => position?.stream)?.position?.stream ?? null,
      sentBytes: stats.sent - from,
      sourceBytes,
      lineRate: this.#lineRate,
      sourceRate: this.#sourceRate,
      etaMs: this.#eta(sourceBytes),
      limit: limitOf(sourceWait, chain),
      nodes,
    });
    this.#lastMs = now;
    this.#lastSent = stats.sent;
    this.#lastSource = sourceBytes;
  };

  #eta(sourceBytes: number): number | null {
    const { expectedBytes } = this.#options;
    if (expectedBytes === 0 || this.#sourceRate < 1) return null;
    return Math.max(0, ((expectedBytes - sourceBytes) / this.#sourceRate) * 1000);
  }

  #nodes(sent: number, from: number, elapsedMs: number): NodeProgress[] {
    return this.#options.chain().map((member) => {
      const { position } = member;
      const received = Math.max(0, (position?.received ?? 0) - from);
      const track = this.#tracks.get(member.number) ?? { received: 0, rate: 0 };
      const rate = smooth(track.rate, ((received - track.received) * 1000) / elapsedMs, elapsedMs);
      this.#tracks.set(member.number, { received, rate });
      return {
        node: member.number,
        received,
        drained: Math.max(0, (position?.drained ?? 0) - from),
        rate,
        behind: Math.max(0, sent - from - received),
        limit: nodeLimit(member),
      };
    });
  }
}

const nodeLimit = ({ position }: Member): NodeProgress['limit'] => {
  if (!position) return null;
  const { upstream, sink, downstream } = position.waiting;
  const most = Math.max(upstream, sink, downstream);
  if (most < MOSTLY) return null;
  if (most === sink) return 'disk';
  return most === downstream ? 'downstream' : 'upstream';
};

/** The place that keeps all others waiting. */
const limitOf = (sourceWait: number, chain: readonly Member[]): string | null => {
  const disk = chain.find((member) => nodeLimit(member) === 'disk');
  if (disk) return `${disk.name}: disk`;
  if (sourceWait > MOSTLY) return 'golden: reading';
  const sender = chain.findLast((member) => nodeLimit(member) === 'downstream');
  if (sender) return `link after ${sender.name}`;
  return chain.length > 0 && sourceWait < 1 - MOSTLY ? 'link after the golden' : null;
};
