/** Says the same kind of thing once in a while, however often it happens. */

const INTERVAL_MS = 10_000;

/** Kinds remembered at once; the oldest is forgotten, and said again when it comes. */
const KINDS = 256;

/**
 * A `say` that takes the kind of a line with it: the first of a kind is said at
 * once, the next ten seconds later at the earliest, with the number of those
 * that were not. Strangers cause the lines it is for, so there is no timer: what
 * was not said last is said with the next, or never.
 */
export const seldom = (
  say: (line: string) => void,
  intervalMs = INTERVAL_MS,
): ((kind: string, line: string) => void) => {
  const kinds = new Map<string, { saidMs: number; unsaid: number }>();
  return (kind, line) => {
    const nowMs = Date.now();
    const known = kinds.get(kind);
    if (known && nowMs - known.saidMs < intervalMs) {
      known.unsaid += 1;
      return;
    }
    kinds.delete(kind);
    const [oldest] = kinds.keys();
    if (kinds.size >= KINDS && oldest !== undefined) kinds.delete(oldest);
    kinds.set(kind, { saidMs: nowMs, unsaid: 0 });
    const more = known?.unsaid ?? 0;
    say(more > 0 ? `${line} (and ${more} more of these)` : line);
  };
};
