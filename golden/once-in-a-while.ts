/** Says the same thing once in a while, however often it happens. */
const INTERVAL_MS = 10_000;
/** Different things remembered at once. */
const MOST = 256;

export class OnceInAWhile {
  readonly #seen = new Map<string, { sinceMs: number; more: number }>();

  /**
   * Whether `what` should be said now: undefined = not again yet, else how
   * often it happened since it was last said.
   */
  times(what: string, nowMs: number): number | undefined {
    const seen = this.#seen.get(what);
    if (seen && nowMs - seen.sinceMs < INTERVAL_MS) {
      seen.more += 1;
      return undefined;
    }
    this.#seen.delete(what);
    if (this.#seen.size >= MOST) {
      const [oldest] = this.#seen.keys();
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    this.#seen.set(what, { sinceMs: nowMs, more: 0 });
    return (seen?.more ?? 0) + 1;
  }
}
