/** Who was let in, turned away and taken out, when, and by whom: a log of its own, one JSON object a line. */
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

export interface AuditEntry {
  what:
    | 'open'
    | 'admitted'
    | 'refused'
    | 'asked'
    | 'denied'
    | 'ejected'
    | 'retried'
    | 'started'
    | 'finished';
  /** The operator, or the way a node came in: "token", "ticket", "code by the operator at the board". */
  by?: string;
  node?: number;
  name?: string;
  address?: string;
  macs?: readonly string[];
  /** Of its key. */
  pin?: string;
  why?: string;
}

/** Refusals are bounded by whoever reports them; this bounds them all. */
const MOST_BYTES = 64 * 1024 * 1024;

export class Audit {
  readonly #file: number;
  readonly #onError: (error: Error) => void;
  #bytes = 0;
  #failed = false;

  /** `onError` hears once when it cannot be written any more. */
  constructor(directory: string, onError: (error: Error) => void) {
    this.#file = openSync(join(directory, 'audit.jsonl'), 'a', 0o600);
    this.#onError = onError;
  }

  readonly write = (entry: AuditEntry): void => {
    const line = `${JSON.stringify({ time: Date.now(), ...entry })}\n`;
    this.#bytes += line.length;
    if (this.#failed || this.#bytes > MOST_BYTES) return;
    try {
      appendFileSync(this.#file, line);
    } catch (error) {
      this.#failed = true;
      this.#onError(error as Error);
    }
  };

  close(): void {
    closeSync(this.#file);
  }
}
