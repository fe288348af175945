/** A bucket of permissions that fills up with time. */
export class Rate {
  readonly #perSecond: number;
  readonly #most: number;
  #left: number;
  #atMs: number;

  /** At first, and after a pause, `most` at once. Times in milliseconds. */
  constructor(perSecond: number, most: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#most = most;
    this.#left = most;
    this.#atMs = nowMs;
  }

  /** Takes one; false when none is left. */
  take(nowMs: number): boolean {
    // A clock may be set back.
    const more = (Math.max(0, nowMs - this.#atMs) * this.#perSecond) / 1000;
    this.#left = Math.min(this.#most, this.#left + more);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
