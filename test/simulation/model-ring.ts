/** The ring of a hop in the model: one number stands for the bytes of a frame. */
import { Violation } from './violation.ts';

/** Bytes of one frame of the model, header and payload. */
export const FRAME = 1024 * 1024;

/** What the golden's frame at a position holds: another number for each pass and position. */
export const contentOf = (pass: number, position: number): number =>
  Math.imul(position / FRAME + 1, 0x9e3779b1) ^ (pass << 28);

export class ModelRing {
  readonly capacityBytes: number;
  readonly #slots: Int32Array;
  readonly #owner: string;
  readonly #now: () => number;
  /** What was forgotten when: each position with the time it became the oldest. */
  readonly #releases: { position: number; atMs: number }[] = [];
  oldest = 0;
  verified = 0;

  constructor(capacityBytes: number, owner: string, now: () => number) {
    this.#now = now;
    this.capacityBytes = capacityBytes;
    this.#slots = new Int32Array(capacityBytes / FRAME);
    this.#owner = owner;
  }

  get hasRoom(): boolean {
    return this.verified + FRAME - this.oldest <= this.capacityBytes;
  }

  /** Puts a checked frame behind the others; its slot is that of a frame long gone. */
  put(content: number): void {
    if (!this.hasRoom) throw new Violation(`${this.#owner} keeps more than its ring`);
    this.#slots[(this.verified / FRAME) % this.#slots.length] = content;
    this.verified += FRAME;
  }

  /** What is in the place of that frame now, as a memory does not know what it holds. */
  read(position: number): number {
    return this.#slots[(position / FRAME) % this.#slots.length] ?? 0;
  }

  release(position: number): void {
    if (position <= this.oldest) return;
    this.oldest = position;
    this.#releases.push({ position, atMs: this.#now() });
  }

  /** When the frame at `position` was forgotten. */
  releasedMs(position: number): number {
    const release = this.#releases.find((candidate) => candidate.position > position);
    return release?.atMs ?? Number.POSITIVE_INFINITY;
  }
}
