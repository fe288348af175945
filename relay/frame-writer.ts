/** Writes the golden's frames into the ring. */
import { createHash, type Hash } from 'node:crypto';
import {
  FRAME_HEADER_BYTES,
  FRAME_SIGNED_BYTES,
  FRAME_TAG_BYTES,
  FrameType,
  type StreamBegin,
  type StreamEnd,
  writeFrameHeader,
} from '../protocol/frame.ts';
import type { FrameCipher } from './frame-cipher.ts';
import type { Ring } from './ring.ts';
import { FLUSH_MS } from './tuning.ts';

export interface FrameWriterOptions {
  ring: Ring;
  cipher: FrameCipher;
  pass: number;
  /** Payload a DATA frame that begins at this position should have, in bytes. */
  payloadAt(position: number): number;
  /** Resolves when the ring has room; rejects when it never will. */
  room(): Promise<void>;
  /** `verified` of the ring has moved, by a frame with this payload. */
  onSealed(type: FrameType, payload: readonly Buffer[]): void;
}

interface OpenFrame {
  /** Bytes it may still take. */
  left: number;
  openedMs: number;
}

/** It begins at `verified` of the ring. */
interface WholeFrame {
  type: FrameType;
  end: number;
}

/** Characters; the whole of it is in the golden's own log. */
const REASON_MAX = 2000;

const EMPTY_HEADER = Buffer.alloc(FRAME_HEADER_BYTES);

export class FrameWriter {
  readonly #options: FrameWriterOptions;
  readonly #signed = Buffer.alloc(FRAME_SIGNED_BYTES);
  #stream: { number: number; bytes: number; tags: Hash } = {
    number: 0,
    bytes: 0,
    tags: createHash('sha256'),
  };
  /** The DATA frame being filled. */
  #open: OpenFrame | null = null;
  /** The frame before it: whole, and kept back until it can tell of the one behind it. */
  #whole: WholeFrame | null = null;

  constructor(options: FrameWriterOptions) {
    this.#options = options;
  }

  /** Of the stream that was begun last: 1, 2, … */
  get stream(): number {
    return this.#stream.number;
  }

  /** BEGIN of the next stream. */
  async begin(begin: StreamBegin): Promise<void> {
    const tags = createHash('sha256');
    this.#stream = { number: this.#stream.number + 1, bytes: 0, tags };
    await this.#send(FrameType.begin, JSON.stringify(begin));
  }

  /** Memory of the ring for the next bytes of the stream; tell `filled` when they are there. */
  space(): Buffer {
    // First of all: starting a frame puts its header into that memory.
    const { left } = this.#opened();
    return this.#options.ring.space().subarray(0, left);
  }

  /**
   * `bytes` are at the start of the last `space()`. A frame is sent when the
   * one behind it is whole too, or its source too slow to fill it in time; the
   * next `space()` may be in use already, so no timer can do that. Returns what
   * must be waited for when the ring has no room for more.
   */
  filled(bytes: number): Promise<void> | null {
    const { ring } = this.#options;
    const open = this.#opened();
    ring.advance(bytes);
    open.left -= bytes;
    const hasRoom = ring.hasRoom;
    if (open.left === 0) {
      this.#complete(FrameType.data);
    } else if (!hasRoom || performance.now() - open.openedMs > FLUSH_MS) {
      // What is here must not wait for those who make the room.
      this.flush();
    }
    return hasRoom ? null : this.#options.room();
  }

  /** END of the stream. */
  async end(): Promise<StreamEnd> {
    this.flush();
    const { bytes, tags } = this.#stream;
    const end = { bytes, digest: tags.digest('hex') };
    await this.#send(FrameType.end, JSON.stringify(end));
    return end;
  }

  /** ABORT of the stream. */
  async abort(reason: string): Promise<void> {
    this.flush();
    const text = reason.slice(0, REASON_MAX);
    await this.#send(FrameType.abort, JSON.stringify({ reason: text }));
  }

  /** CLOSE: no stream comes after it. */
  close(): Promise<void> {
    this.#stream = { ...this.#stream, number: 0 };
    return this.#send(FrameType.close, '');
  }

  /** Sends what is here, the DATA frame being filled included. */
  flush(): void {
    const { ring } = this.#options;
    if (ring.head > this.#start + FRAME_HEADER_BYTES) this.#complete(FrameType.data);
    this.flushWhole();
    // A header that nothing came behind.
    this.#open = null;
    ring.rewind();
  }

  /** Sends the frame that is whole without waiting for the one behind it. */
  flushWhole(): void {
    this.#seal(0);
  }

  /** The DATA frame being filled; starts one when there is none. */
  #opened(): OpenFrame {
    if (this.#open !== null) return this.#open;
    const { ring, payloadAt } = this.#options;
    this.#open = { left: payloadAt(ring.head), openedMs: performance.now() };
    ring.append(EMPTY_HEADER);
    return this.#open;
  }

  async #send(type: FrameType, text: string): Promise<void> {
    const { ring, room } = this.#options;
    if (!ring.hasRoom) await room();
    ring.append(EMPTY_HEADER);
    ring.append(Buffer.from(text));
    this.#complete(type);
    this.flushWhole();
  }

  /** Where the frame begins that is not whole yet. */
  get #start(): number {
    return this.#whole?.end ?? this.#options.ring.verified;
  }

  /** Everything behind the last whole frame is the next one. */
  #complete(type: FrameType): void {
    const end = this.#options.ring.head;
    this.#open = null;
    this.#seal(end - this.#start);
    this.#whole = { type, end };
  }

  /** Sends the frame that is whole; `nextBytes` are whole behind it. */
  #seal(nextBytes: number): void {
    if (this.#whole === null) return;
    const { type, end } = this.#whole;
    this.#whole = null;
    const { ring, cipher, pass } = this.#options;
    const position = ring.verified;
    const start = position + FRAME_HEADER_BYTES;
    const payloadBytes = end - start;
    const stream = this.#stream;
    const header = { type, stream: stream.number, payloadBytes, pass, position, nextBytes };
    writeFrameHeader(this.#signed, header);
    const payload = ring.pieces(start, end);
    const tag = cipher.seal(position, this.#signed, payload);
    ring.patch(position, Buffer.concat([this.#signed, tag], FRAME_SIGNED_BYTES + FRAME_TAG_BYTES));
    if (type === FrameType.data) stream.bytes += payloadBytes;
    if (type === FrameType.begin || type === FrameType.data) stream.tags.update(tag);
    ring.verify(end);
    this.#options.onSealed(type, payload);
  }
}
