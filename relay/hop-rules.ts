/** What a hop does about orders, bytes and its end. Decides only: no sockets, no clock. */
import { ACK_BYTES } from '../protocol/constants.ts';
import type { ChainOrder } from '../protocol/control.ts';

/**
 * What an order means for the link to the upstream: nothing at all (`ignore`,
 * an order older than the last), nothing for this link (`keep`), or a new one
 * (`dial`). `linked`: there is a link, or one is being made.
 */
export const linkFor = (
  last: ChainOrder | null,
  order: ChainOrder,
  linked: boolean,
): 'ignore' | 'keep' | 'dial' => {
  if (last === null) return 'dial';
  if (order.epoch < last.epoch) return 'ignore';
  const { node, host, port, key } = order.upstream;
  const same =
    last.upstream.node === node &&
    last.upstream.host === host &&
    last.upstream.port === port &&
    last.upstream.key === key;
  return same && linked ? 'keep' : 'dial';
};

/** After how many bytes a node with such a ring reports: often enough that its upstream never waits for it. */
export const acknowledgeStep = (ringBytes: number): number =>
  Math.min(ACK_BYTES, Math.floor(ringBytes / 8));

/**
 * Whether the upstream should hear at once of what this node and those behind
 * it have (`now`, this node's first): when it can let go of `stepBytes` since
 * the last report, or this node has come so far; and when one of those behind
 * was replaced by one that has less, so that nobody counts on the other any
 * longer. What moved less is told with the next report.
 */
export const acknowledgeNow = (
  now: readonly number[],
  reported: readonly number[],
  stepBytes: number,
): boolean => {
  const ownBytes = (now[0] ?? 0) - (reported[0] ?? 0);
  const allBytes = Math.min(...now) - Math.min(...reported);
  return ownBytes >= stepBytes || allBytes >= stepBytes || allBytes < 0;
};

/**
 * Whether a tick tells the upstream what moved. While bytes come they soon tell
 * by themselves, and each report costs two nodes a wake-up; but by those on
 * `noise` the golden measures the line.
 */
export const acknowledgeAtTick = (
  now: readonly number[],
  reported: readonly number[],
  { bytesCame, noise }: { bytesCame: boolean; noise: boolean },
): boolean => (!bytesCame || noise) && !samePositions(now, reported);

export const samePositions = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((position, index) => position === b[index]);

/**
 * The position below which bytes may be forgotten: its own sink has taken them
 * (`drained`), and the nodes it keeps bytes for have them (`floor`).
 */
export const forgettable = (verified: number, drained: number, floor: number): number =>
  Math.min(verified, drained, floor);
