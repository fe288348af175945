/**
 * Memory for what was decrypted, until a sink has it. Given out in order and
 * given back in order, round and round.
 */

export class ClearMemory {
  readonly #memory: Buffer;
  /** Bytes given out and given back so far, those skipped at the end of the memory included. */
  #taken = 0;
  #free = 0;

  constructor(bytes: number) {
    // Written to for the reason the ring is.
    this.#memory = Buffer.allocUnsafeSlow(bytes).fill(0);
  }

  /** The next `bytes`, in one piece; null when they are not free. They are given out by `take`. */
  space(bytes: number): Buffer | null {
    if (this.#free === this.#taken) {
      this.#free = 0;
      this.#taken = 0;
    }
    const start = this.#startFor(bytes);
    const size = this.#memory.length;
    if (start + bytes - this.#free > size) return null;
    return this.#memory.subarray(start % size, (start % size) + bytes);
  }

  /** Gives out the last `space(bytes)`. Returns what to give back it, and all before it, with. */
  take(bytes: number): number {
    this.#taken = this.#startFor(bytes) + bytes;
    return this.#taken;
  }

  /** `upTo`: what a `take` has returned. */
  giveBack(upTo: number): void {
    this.#free = upTo;
  }

  #startFor(bytes: number): number {
    const size = this.#memory.length;
    const at = this.#taken % size;
    return at + bytes > size ? this.#taken + size - at : this.#taken;
  }
}
