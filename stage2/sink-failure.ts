/** The one failure a sink can have, known to whoever waits for it. */
import type { NamedError } from '../system/named-error.ts';

/** Remembers the first failure; rejects the write or end that is under way, and `promise`. */
export class SinkFailure {
  readonly promise: Promise<never>;
  #reject: (error: NamedError) => void = () => undefined;
  #error: NamedError | null = null;
  #waiting: ((error: NamedError) => void) | null = null;

  constructor() {
    this.promise = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    // The same error also reaches whoever writes next, so nobody must listen here.
    this.promise.catch(() => undefined);
  }

  get error(): NamedError | null {
    return this.#error;
  }

  fail(error: NamedError): void {
    if (this.#error) return;
    this.#error = error;
    this.#reject(error);
    this.#waiting?.(error);
  }

  /**
   * Waits for `start`'s callback or the failure, whichever is first. One
   * operation at a time. (Racing each write against `promise` would leave a
   * reaction behind on it for each write of the stream.)
   */
  guard(start: (done: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#error) {
        reject(this.#error);
        return;
      }
      this.#waiting = reject;
      start(() => {
        this.#waiting = null;
        resolve();
      });
    });
  }
}
