/** Each node's command log, as it arrives, in a file of its own on the golden. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

export class NodeLogs {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  path(name: string): string {
    return join(this.#directory, `${name}.log`);
  }

  /** Appended at once: what a node said last matters most when it then dies. */
  append(name: string, lines: readonly string[]): void {
    appendFileSync(this.path(name), lines.map((line) => `${line}\n`).join(''));
  }
}
