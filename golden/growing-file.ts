/** A file of the session that only grows: private, and when it cannot be written nothing else ends. */
import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { PRIVATE_FILE } from '../system/private-files.ts';
import { seldom } from '../system/seldom.ts';

/** A disk that is full now and then is told of so often, in milliseconds. */
const TELL_MS = 60_000;

export class GrowingFile {
  readonly path: string;
  readonly #say: (kind: string, line: string) => void;
  #file: number | undefined;
  /** Where the last whole piece ends. */
  #bytes = 0;
  #isBroken = false;

  /** `say` hears in one line that it cannot be written, and that it can again. Made at the first piece. */
  constructor(path: string, say: (line: string) => void) {
    this.path = path;
    this.#say = seldom(say, TELL_MS);
  }

  /** So far, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Appends at once: it must be there when this process is killed a moment
   * later. A piece that does not fit is left out whole, and the next one tried.
   */
  append(text: string): void {
    try {
      this.#write(Buffer.from(text));
    } catch (error) {
      const { message } = error as Error;
      const first = !this.#isBroken;
      this.#isBroken = true;
      this.#cutBack();
      if (first) {
        this.#say('broken', `${this.path} cannot be written: ${message}; the session goes on`);
      }
      return;
    }
    if (!this.#isBroken) return;
    this.#isBroken = false;
    this.#say('whole', `${this.path} can be written again; what came meanwhile is not in it`);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #write(bytes: Buffer): void {
    if (this.#file === undefined) {
      this.#file = openSync(this.path, 'a', PRIVATE_FILE);
      this.#bytes = fstatSync(this.#file).size;
    }
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    this.#bytes += bytes.length;
  }

  /** Half a line would spoil the next one. */
  #cutBack(): void {
    if (this.#file === undefined) return;
    try {
      ftruncateSync(this.#file, this.#bytes);
    } catch (error) {
      this.#say('torn', `${this.path}: ${(error as Error).message}`);
    }
  }
}
