/**
 * Each node's command log, as it arrives, in a file of its own on the golden.
 * Files are known by number: names are chosen by others.
 */
import { join } from 'node:path';
import { GOLDEN_NODE } from '../protocol/constants.ts';
import { printable } from '../system/printable.ts';
import { GrowingFile } from './growing-file.ts';

/** A node that says more is not worth the golden's disk, in bytes. */
const MAX_LOG_BYTES = 64 * 1024 * 1024;

const CUT = 'ka: this log is as long as it may be; what came after is not kept\n';

export class NodeLogs {
  readonly #directory: string;
  readonly #say: (line: string) => void;
  readonly #maxBytes: number;
  readonly #files = new Map<number, GrowingFile>();
  readonly #full = new Set<number>();

  /** `say` hears in one line what cannot be written. */
  constructor(directory: string, say: (line: string) => void, maxBytes = MAX_LOG_BYTES) {
    this.#directory = directory;
    this.#say = say;
    this.#maxBytes = maxBytes;
  }

  /** Of a node's log by its number; 0 = the golden's own. */
  path(node: number): string {
    const name = node === GOLDEN_NODE ? 'golden' : `node-${node}`;
    return join(this.#directory, `${name}.log`);
  }

  /** Appended at once: what a node said last matters most when it then dies. */
  append(node: number, lines: readonly string[]): void {
    if (lines.length === 0 || this.#full.has(node)) return;
    const file = this.#files.get(node) ?? new GrowingFile(this.path(node), this.#say);
    this.#files.set(node, file);
    const text = lines.map((line) => `${printable(line)}\n`).join('');
    if (file.bytes + Buffer.byteLength(text) <= this.#maxBytes) {
      file.append(text);
      return;
    }
    this.#full.add(node);
    file.append(CUT);
    file.close();
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }
}
