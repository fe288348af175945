/**
 * Decides about one pass's chain: who follows whom, who is taken out and why.
 * Pure: told what is known and what time it is, it answers with decisions. The
 * pass carries them out; the simulation runs the same code on a virtual clock.
 */
import { GOLDEN_NODE } from '../protocol/constants.ts';
import type { ChainOrder, LinkPeer } from '../protocol/control.ts';
import { affectedBy, type ChainPlace, ordersFor } from './chain-order.ts';

/** What a node last said of itself. */
export interface NodeReport {
  /** Bytes of the pass in its ring or gone through it. */
  received: number;
  /** Bytes its own sink has taken. */
  drained: number;
  /** Whether its upstream serves it. */
  linked: boolean;
  /** Shares of the last interval, 0…1. */
  waiting: { upstream: number; sink: number; downstream: number };
}

/** What to do about a node that is much slower than the rest could be. */
export interface SlowPolicy {
  /** `wait`: all go at its pace. `bypass`: it gets the next pass. */
  policy: 'wait' | 'bypass';
  /** Slow is below this share of the best rate of the pass, 0…1. */
  share: number;
}

export interface KeeperOptions {
  pass: number;
  golden: ChainPlace;
  /** In chain order. */
  chain: readonly ChainPlace[];
  ringBytes: number;
  slow: SlowPolicy;
  /** Nodes that get no further pass: all go at their pace, if need be. */
  lastChance: ReadonlySet<number>;
  /** Makes the key of a link, never the same twice. */
  newKey: () => string;
}

export interface Orders {
  epoch: number;
  /** Who dials the golden; null = nobody. */
  first: LinkPeer | null;
  /** Nodes that need a new order, with it. */
  orders: ReadonlyMap<number, ChainOrder>;
}

export interface Bypass {
  node: number;
  why: string;
}

/** A position at a time. */
interface Mark {
  bytes: number;
  ms: number;
}

interface Track {
  report: NodeReport | undefined;
  /** Since when it has got nothing although there was some. */
  stalledMs: number | undefined;
  stallWhy: string;
  /** Since when it has held back the others. */
  slowMs: number | undefined;
  /** Bytes per second its sink takes and its ring gets, lately. */
  drainRate: number;
  receiveRate: number;
  /** Where its sink and its link were when they were first seen behind; undefined while they keep up. */
  sinkBehind: Mark | undefined;
  linkBehind: Mark | undefined;
  /** Of the last report, or of the beginning. */
  reportedMs: number;
  /** When it was heard again after it had said nothing for too long. */
  backMs: number;
}

/** So long may a node get nothing before that is taken for a broken link. */
export const STALL_MS = 3000;
/** After so long a report tells how things are since a complaint, not before. */
const SURE_MS = 1000;
/** Nodes report twice a second; one that has not for so long may be stopped or cut off. */
const QUIET_MS = 1600;
/** So long may a node hold back all others before it counts as slow. */
export const SLOW_MS = 1000;
/** A ring this full holds back the chain, one this empty does not; the same for shares of time. */
export const FULL = 0.5;
export const EMPTY = 0.3;
/** A node so many bytes behind its upstream is not only late by accident. */
export const BEHIND_BYTES = 12 * 1024 * 1024;
/** No further behind than this, a sink or a link keeps up. */
const LEVEL_BYTES = 4 * 1024 * 1024;
/** Rates are averaged over about this long. */
const WINDOW_MS = 1000;

export class ChainKeeper {
  readonly #options: KeeperOptions;
  readonly #tracks = new Map<number, Track>();
  readonly #blamed = new Set<number>();
  /** Epoch since which a node has the downstream it has now. */
  readonly #behindSince = new Map<number, number>();
  /** Of each link, by its two ends: made when it is first ordered, and kept as long as it is. */
  #keys = new Map<string, string>();
  #chain: ChainPlace[];
  #epoch = 1;
  #sent = 0;
  /** The best any node has received at, in bytes per second: what the golden fills its ring with says nothing of the line. */
  #bestRate = 0;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#chain = [...options.chain];
    for (const { node } of this.#chain) this.#tracks.set(node, newTrack());
  }

  /** Nodes in the chain, first to last. */
  get nodes(): number[] {
    return this.#chain.map(({ node }) => node);
  }

  /** Of the last orders. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Orders for everybody, to begin with. */
  begin(nowMs: number): Orders {
    for (const track of this.#tracks.values()) track.reportedMs = nowMs;
    return { epoch: this.#epoch, ...this.#allOrders() };
  }

  /** Takes a node out; its neighbours are joined. Undefined when it was not in. */
  leave(node: number): Orders | undefined {
    if (!this.nodes.includes(node)) return undefined;
    const before = this.#chain;
    this.#chain = before.filter((place) => place.node !== node);
    this.#epoch += 1;
    const index = before.findIndex((place) => place.node === node);
    this.#behindSince.set(before[index - 1]?.node ?? GOLDEN_NODE, this.#epoch);
    const affected = affectedBy(before, this.#chain);
    for (const other of affected) this.#settle(other);
    const { first, orders } = this.#allOrders();
    const changed = [...orders].filter(([other]) => affected.includes(other));
    return { epoch: this.#epoch, first, orders: new Map(changed) };
  }

  /** A node's regular word on where it is. */
  report(node: number, report: NodeReport, nowMs: number): void {
    const track = this.#tracks.get(node);
    if (!track) return;
    const last = track.report;
    if (last) {
      const elapsedMs = Math.max(1, nowMs - track.reportedMs);
      const rate = (now: number, then: number) => ((now - then) * 1000) / elapsedMs;
      const drained = rate(report.drained, last.drained);
      const received = rate(report.received, last.received);
      track.drainRate = smooth(track.drainRate, drained, elapsedMs);
      track.receiveRate = smooth(track.receiveRate, received, elapsedMs);
      this.#bestRate = Math.max(this.#bestRate, track.receiveRate);
    }
    if (!last || report.received > last.received) track.stalledMs = undefined;
    if (nowMs - track.reportedMs > QUIET_MS) track.backMs = nowMs;
    const { received, drained } = report;
    const behind = this.#ahead(this.nodes.indexOf(node)) - received;
    track.sinkBehind =
      received - drained < LEVEL_BYTES
        ? undefined
        : (track.sinkBehind ?? { bytes: drained, ms: nowMs });
    track.linkBehind =
      behind < LEVEL_BYTES ? undefined : (track.linkBehind ?? { bytes: received, ms: nowMs });
    track.report = report;
    track.reportedMs = nowMs;
  }

  /** A node says that its upstream is gone or sends damaged bytes. */
  complain(node: number, why: string, nowMs: number): void {
    const track = this.#tracks.get(node);
    if (!track) return;
    track.stalledMs ??= nowMs;
    track.stallWhy = why;
  }

  /**
   * A node (or the golden) with its order of `epoch` says that nothing comes
   * from the one behind it, not even that it lives. Answers who is to go. The
   * word of a node that was itself not heard meanwhile counts for nothing.
   */
  silent(node: number, epoch: number, why: string, nowMs: number): Bypass | undefined {
    if (epoch < (this.#behindSince.get(node) ?? 0)) return undefined;
    const nodes = this.nodes;
    const index = node === GOLDEN_NODE ? 0 : nodes.indexOf(node) + 1;
    if (index === 0 && node !== GOLDEN_NODE) return undefined;
    if (this.#wasAway(index - 1, nowMs)) return undefined;
    return index < nodes.length ? this.#blame(index, why, nowMs) : undefined;
  }

  /** To be called a few times a second with the golden's own position. */
  tick(sent: number, nowMs: number): Bypass[] {
    this.#sent = sent;
    const bypass = this.#stalled(nowMs) ?? this.#slow(nowMs);
    return bypass ? [bypass] : [];
  }

  #allOrders(): Pick<Orders, 'first' | 'orders'> {
    const { golden, pass, newKey } = this.#options;
    const keys = new Map<string, string>();
    const keyOf = (upstream: number, downstream: number): string => {
      const link = `${upstream}>${downstream}`;
      const key = keys.get(link) ?? this.#keys.get(link) ?? newKey();
      keys.set(link, key);
      return key;
    };
    const orders = ordersFor(golden, this.#chain, { pass, epoch: this.#epoch, keyOf });
    this.#keys = keys;
    return orders;
  }

  /** With a new neighbour a node gets a new chance. */
  #settle(node: number): void {
    const track = this.#tracks.get(node);
    if (!track) return;
    track.stalledMs = undefined;
    track.slowMs = undefined;
    // While it had no link it got nothing, which says nothing of the new one.
    track.linkBehind = undefined;
    track.receiveRate = this.#bestRate;
  }

  /** What a node's upstream has. */
  #ahead(index: number): number {
    const upstream = this.#trackAt(index - 1);
    return upstream ? (upstream.report?.received ?? 0) : this.#sent;
  }

  /** A node that gets nothing although its upstream lives. */
  #stalled(nowMs: number): Bypass | undefined {
    for (const [index, { node }] of this.#chain.entries()) {
      const track = this.#tracks.get(node);
      if (!track) continue;
      const received = track.report?.received ?? 0;
      const starved =
        track.report?.linked === false ||
        (received < this.#ahead(index) && (track.report?.waiting.upstream ?? 0) > 1 - EMPTY / 3);
      if (starved && track.stalledMs === undefined) {
        track.stalledMs = nowMs;
        track.stallWhy = 'gets no data though there is some';
      }
      // It may have a link again, and wait for what nobody has room for.
      const sinceMs = track.reportedMs - (track.stalledMs ?? nowMs);
      if (!starved && sinceMs > SURE_MS) track.stalledMs = undefined;
      if (track.stalledMs === undefined || nowMs - track.stalledMs < STALL_MS) continue;
      if (this.#wasAway(index - 1, nowMs)) continue;
      return this.#blame(index, track.stallWhy, nowMs);
    }
    return undefined;
  }

  /** Whether a node says nothing to the golden either: then it is its heartbeat that tells. */
  #isQuiet(index: number, nowMs: number): boolean {
    const track = this.#trackAt(index);
    return track !== undefined && nowMs - track.reportedMs > QUIET_MS;
  }

  #wasAway(index: number, nowMs: number): boolean {
    const backMs = this.#trackAt(index)?.backMs ?? Number.NEGATIVE_INFINITY;
    return this.#isQuiet(index, nowMs) || nowMs - backMs < STALL_MS;
  }

  /** Of the node at a place of the chain; undefined for the golden. */
  #trackAt(index: number): Track | undefined {
    const place = this.#chain[index];
    return place && this.#tracks.get(place.node);
  }

  /**
   * Who is to blame for a bad link cannot be told from one such case, unless the
   * golden does not hear the lower node either: the first costs the lower node
   * its place; when the next one behind the same upstream fares no better, the
   * upstream goes.
   */
  #blame(index: number, why: string, nowMs: number): Bypass | undefined {
    const node = this.#chain[index]?.node;
    if (node === undefined) return undefined;
    const upstream = this.#chain[index - 1]?.node;
    if (upstream === undefined || this.#isQuiet(index, nowMs)) return { node, why };
    if (this.#blamed.has(upstream)) {
      return { node: upstream, why: 'two nodes in a row could not read from it' };
    }
    this.#blamed.add(upstream);
    return { node, why };
  }

  #slow(nowMs: number): Bypass | undefined {
    const { lastChance } = this.#options;
    const { policy, share } = this.#options.slow;
    if (policy === 'wait' || this.#chain.length < 2) return undefined;
    for (const [index, { node }] of this.#chain.entries()) {
      const track = this.#tracks.get(node);
      if (!track?.report || lastChance.has(node)) continue;
      // What comes from a node that is not heard, or was not, says nothing of the one behind it.
      const reason = this.#wasAway(index - 1, nowMs)
        ? undefined
        : this.#slowReason(index, track, track.report, share);
      if (reason === undefined) {
        track.slowMs = undefined;
        continue;
      }
      track.slowMs ??= nowMs;
      if (nowMs - track.slowMs >= SLOW_MS) return { node, why: reason };
    }
    return undefined;
  }

  /** Why this node holds back the others; undefined when it does not, or all are alike. */
  #slowReason(index: number, track: Track, report: NodeReport, share: number): string | undefined {
    const { ringBytes } = this.#options;
    const limit = this.#bestRate * share;
    const backlog = (report.received - report.drained) / ringBytes;
    if (backlog > FULL && track.drainRate < limit && this.#othersKeepUp(index)) {
      const rate = rateSince(track.sinkBehind, report.drained, track.reportedMs, track.drainRate);
      return `disk at ${mib(rate)}, the others could do ${mib(this.#bestRate)}`;
    }
    const behind = this.#ahead(index) - report.received;
    // Not by its waiting for bytes: what trickles in keeps it busy. Without a link it is not slow, but stalled.
    const { sink, downstream } = report.waiting;
    const free = report.linked && sink + downstream < EMPTY;
    // Unlike a slow disk, it holds back those behind it long before a ring is full.
    if (behind > Math.min(EMPTY * ringBytes, BEHIND_BYTES) && free && track.receiveRate < limit) {
      const { linkBehind, reportedMs, receiveRate } = track;
      const rate = rateSince(linkBehind, report.received, reportedMs, receiveRate);
      return `link at ${mib(rate)}, the others could do ${mib(this.#bestRate)}`;
    }
    return undefined;
  }

  /** Where most disks have a backlog, they are all slow and nobody is to blame. */
  #othersKeepUp(index: number): boolean {
    const backlogs = this.#chain
      .filter((_, other) => other !== index)
      .map(({ node }) => this.#tracks.get(node)?.report)
      .map((report) => (report ? report.received - report.drained : 0))
      .sort((a, b) => a - b);
    const median = backlogs[Math.floor((backlogs.length - 1) / 2)] ?? 0;
    return median < this.#options.ringBytes * EMPTY;
  }
}

const newTrack = (): Track => ({
  report: undefined,
  stalledMs: undefined,
  stallWhy: '',
  slowMs: undefined,
  drainRate: 0,
  receiveRate: 0,
  sinkBehind: undefined,
  linkBehind: undefined,
  reportedMs: 0,
  backMs: Number.NEGATIVE_INFINITY,
});

/** Begins at 0, not at the first rate seen: two reports that arrive together show any rate. */
const smooth = (old: number, now: number, elapsedMs: number): number =>
  old + (now - old) * (1 - Math.exp(-elapsedMs / WINDOW_MS));

/** What a sink or link has done since it fell behind, in bytes per second: steadier than the average that decides. */
const rateSince = (
  behind: Mark | undefined,
  bytes: number,
  nowMs: number,
  average: number,
): number =>
  behind === undefined || nowMs <= behind.ms
    ? average
    : ((bytes - behind.bytes) * 1000) / (nowMs - behind.ms);

const mib = (bytesPerSecond: number): string => `${Math.round(bytesPerSecond / 2 ** 20)} MiB/s`;
