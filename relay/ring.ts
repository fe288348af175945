/**
 * Bytes of a pass by position, in a bounded set of memory blocks.
 *
 *     oldest ≤ verified ≤ head
 *
 * [oldest, verified) may be read, [verified, head) has come in but is not
 * checked yet, head is where the next byte goes. A block is given back when all
 * its bytes are released and is the first to be used again, so a chain that
 * runs freely works in a few blocks that stay in the processor's cache.
 */
import { NamedError } from '../system/named-error.ts';

const MAX_BLOCK_BYTES = 4 * 1024 * 1024;
/** A frame (at most a quarter of the ring) must always fit, whatever block borders it crosses. */
const MIN_BLOCKS = 16;

export class Ring {
  readonly capacityBytes: number;
  readonly #blockBytes: number;
  readonly #maxBlocks: number;
  /** Block number modulo length → memory. */
  readonly #slots: (Buffer | undefined)[];
  readonly #free: Buffer[] = [];
  /** All its bytes, in one piece, so that the system gives huge pages where it can. */
  readonly memory: Buffer;
  #cutBytes = 0;
  #used = 0;
  #oldest = 0;
  #verified = 0;
  #head = 0;

  /** `shared`: another thread can read its memory. Throws `RingTooSmall` below 64 KiB. */
  constructor(ringBytes: number, { shared = false } = {}) {
    if (!Number.isSafeInteger(ringBytes) || ringBytes < 64 * 1024) {
      throw new NamedError('RingTooSmall', `a ring of ${ringBytes} bytes; give at least 64 KiB`);
    }
    this.#blockBytes = Math.min(MAX_BLOCK_BYTES, Math.floor(ringBytes / MIN_BLOCKS));
    this.#maxBlocks = Math.floor(ringBytes / this.#blockBytes);
    this.#slots = new Array<Buffer | undefined>(this.#maxBlocks + 2);
    this.capacityBytes = this.#maxBlocks * this.#blockBytes;
    const bytes = this.capacityBytes + this.#blockBytes;
    this.memory = shared
      ? Buffer.from(new SharedArrayBuffer(bytes))
      : Buffer.allocUnsafeSlow(bytes);
    // Written to, because the system gives and clears memory only then: in the middle of a stream
    // that holds up the chain by milliseconds at each node, which a line that is full never makes up for.
    this.memory.fill(0);
  }

  get oldest(): number {
    return this.#oldest;
  }

  get verified(): number {
    return this.#verified;
  }

  get head(): number {
    return this.#head;
  }

  /** Payload a frame may have so that a ring of this size can never be blocked by it. */
  get maxPayloadBytes(): number {
    return Math.floor(this.capacityBytes / 4);
  }

  /**
   * Memory for the next bytes, up to the end of its block. Always there: one
   * block more than the capacity is kept so that a socket can hold its next
   * buffer while it is paused. Fill it only while `hasRoom`.
   */
  space(): Buffer {
    const number = Math.floor(this.#head / this.#blockBytes);
    const slot = number % this.#slots.length;
    let block = this.#slots[slot];
    if (block === undefined) {
      block = this.#free.pop() ?? this.#cut();
      this.#slots[slot] = block;
      this.#used += 1;
    }
    return block.subarray(this.#head - number * this.#blockBytes);
  }

  /** Whether bytes may be put at head now. */
  get hasRoom(): boolean {
    const opens = this.#slots[this.#slot(this.#head)] === undefined ? 1 : 0;
    return this.#used + opens <= this.#maxBlocks;
  }

  /** `bytes` have been put into `space()`. */
  advance(bytes: number): void {
    this.#head += bytes;
  }

  /** Copies `source` to head, over block borders. The caller has made sure of the room. */
  append(source: Buffer): void {
    let done = 0;
    while (done < source.length) {
      const copied = source.copy(this.space(), 0, done);
      this.#head += copied;
      done += copied;
    }
  }

  /** Moves `verified` forward. */
  verify(position: number): void {
    this.#verified = position;
  }

  /** Throws away what came in but was not verified. */
  rewind(): void {
    const first = Math.floor(this.#verified / this.#blockBytes);
    const last = Math.floor(this.#head / this.#blockBytes);
    for (let number = first + 1; number <= last; number += 1) this.#giveBack(number);
    this.#head = this.#verified;
  }

  /** Forgets everything before `position`. */
  release(position: number): void {
    if (position <= this.#oldest) return;
    const from = Math.floor(this.#oldest / this.#blockBytes);
    const to = Math.floor(position / this.#blockBytes);
    for (let number = from; number < to; number += 1) this.#giveBack(number);
    this.#oldest = position;
  }

  /** The bytes [from, to) as pieces of the ring's own memory, in order. */
  pieces(from: number, to: number): Buffer[] {
    const pieces: Buffer[] = [];
    let position = from;
    while (position < to) {
      const number = Math.floor(position / this.#blockBytes);
      const start = number * this.#blockBytes;
      const end = Math.min(to, start + this.#blockBytes);
      pieces.push(this.#block(number).subarray(position - start, end - start));
      position = end;
    }
    return pieces;
  }

  /** The bytes [from, to) in one piece: the ring's memory, or a copy when they cross a block border. */
  joined(from: number, to: number): Buffer {
    const pieces = this.pieces(from, to);
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  }

  /** Overwrites bytes at `position` that are not verified yet. */
  patch(position: number, source: Buffer): void {
    let done = 0;
    for (const piece of this.pieces(position, position + source.length)) {
      done += source.copy(piece, 0, done);
    }
  }

  /** The next block never used before. */
  #cut(): Buffer {
    const start = this.#cutBytes;
    this.#cutBytes += this.#blockBytes;
    return this.memory.subarray(start, this.#cutBytes);
  }

  #slot(position: number): number {
    return Math.floor(position / this.#blockBytes) % this.#slots.length;
  }

  #block(number: number): Buffer {
    const block = this.#slots[number % this.#slots.length];
    if (block === undefined) {
      throw new NamedError('RingFault', `block ${number} is not held; this is a fault in ka`);
    }
    return block;
  }

  #giveBack(number: number): void {
    const slot = number % this.#slots.length;
    const block = this.#slots[slot];
    if (block === undefined) return;
    this.#slots[slot] = undefined;
    this.#free.push(block);
    this.#used -= 1;
  }
}
