/** Ends what carries no byte for too long. */
import { Transform } from 'node:stream';
import { NamedError } from '../system/named-error.ts';

export class SilenceWatch implements Disposable {
  readonly #silent = new AbortController();
  #timer: NodeJS.Timeout;

  constructor(patienceMs: number) {
    this.#timer = this.#timerFor(patienceMs);
  }

  /** Fires when the patience is over; the reason is the `NamedError` `Silent`. */
  get signal(): AbortSignal {
    return this.#silent.signal;
  }

  /** What goes through unchanged and is heard: from then on the patience is what `patienceMs` says; undefined = as it was. */
  passing(patienceMs: () => number | undefined): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        const next = patienceMs();
        if (next !== undefined) {
          clearTimeout(this.#timer);
          this.#timer = this.#timerFor(next);
        }
        done(null, chunk);
      },
    });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #timerFor(patienceMs: number): NodeJS.Timeout {
    const message = `nothing was said for ${patienceMs / 1000} s, so others get its place`;
    return setTimeout(() => this.#silent.abort(new NamedError('Silent', message)), patienceMs);
  }
}
