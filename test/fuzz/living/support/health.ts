/** Whether this process is well while strangers talk to what runs in it. */
import { readdirSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** Sockets that are still on their way out, and what a first call opens for good. */
const MORE_FILES = 12;
const PATIENCE_MS = 5000;

export class Health implements Disposable {
  readonly #files = openFiles();
  readonly #errors: unknown[] = [];
  readonly #keep = (error: unknown): void => {
    this.#errors.push(error);
  };

  /** From now on errors nobody handled are findings. Jest takes them itself, and its test fails. */
  constructor() {
    process.on('uncaughtException', this.#keep);
    process.on('unhandledRejection', this.#keep);
  }

  /** Throws what nobody handled, or when files stay open. */
  async check(): Promise<void> {
    // What was rejected in this turn is told of in the next one.
    await sleep(0);
    if (this.#errors.length > 0) throw this.#errors[0];
    const until = performance.now() + PATIENCE_MS;
    while (openFiles() - this.#files > MORE_FILES) {
      if (performance.now() > until) {
        throw new Error(`${openFiles()} files are open, ${this.#files} were`);
      }
      await sleep(20);
    }
  }

  [Symbol.dispose](): void {
    process.off('uncaughtException', this.#keep);
    process.off('unhandledRejection', this.#keep);
  }
}
