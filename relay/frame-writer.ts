/** Writes the golden's frames into the ring. */
import { createHash, type Hash, type KeyObject } from 'node:crypto';
import {
  FRAME_HEADER_BYTES,
  FRAME_SIGNED_BYTES,
  FRAME_TAG_BYTES,
  FrameType,
  frameKey,
  frameTag,
  type StreamBegin,
  type StreamEnd,
  writeFrameHeader,
} from '../protocol/frame.ts';
import type { Ring } from './ring.ts';
import { FLUSH_MS } from './tuning.ts';

export interface FrameWriterOptions {
  ring: Ring;
  key: Buffer;
  pass: number;
  /** Payload a DATA frame that begins at this position should have, in bytes. */
  payloadAt(position: number): number;
  /** Resolves when the ring has room; rejects when it never will. */
  room(): Promise<void>;
  /** `verified` of the ring has moved. */
  onSealed(): void;
}

const EMPTY_HEADER = Buffer.alloc(FRAME_HEADER_BYTES);

export class FrameWriter {
  readonly #options: FrameWriterOptions;
  readonly #key: KeyObject;
  readonly #signed = Buffer.alloc(FRAME_SIGNED_BYTES);
  #stream: { number: number; bytes: number; tags: Hash } = {
    number: 0,
    bytes: 0,
    tags: createHash('sha256'),
  };
  /** Bytes the open DATA frame may still take; null = none is open. */
  #left: number | null = null;
  #openedMs = 0;

  constructor(options: FrameWriterOptions) {
    this.#options = options;
    this.#key = frameKey(options.key);
  }

  /** BEGIN of the next stream. */
  async begin(begin: StreamBegin): Promise<void> {
    const tags = createHash('sha256');
    this.#stream = { number: this.#stream.number + 1, bytes: 0, tags };
    await this.#whole(FrameType.begin, JSON.stringify(begin));
  }

  /** Memory of the ring for the next bytes of the stream; tell `filled` when they are there. */
  space(): Buffer {
    this.#left ??= this.#open();
    return this.#options.ring.space().subarray(0, this.#left);
  }

  /**
   * `bytes` are at the start of the last `space()`. A frame is sent when it is
   * full or its source too slow to fill it in time; the next `space()` may be
   * in use already, so no timer can do that. Returns what must be waited for
   * when the ring has no room for more.
   */
  filled(bytes: number): Promise<void> | null {
    const { ring } = this.#options;
    ring.advance(bytes);
    this.#left = (this.#left ?? 0) - bytes;
    const hasRoom = ring.hasRoom;
    // What is here must not wait for those who make the room.
    if (this.#left === 0 || !hasRoom || performance.now() - this.#openedMs > FLUSH_MS) {
      this.flush();
    }
    return hasRoom ? null : this.#options.room();
  }

  /** END of the stream. */
  async end(): Promise<StreamEnd> {
    this.flush();
    const { bytes, tags } = this.#stream;
    const end = { bytes, digest: tags.digest('hex') };
    await this.#whole(FrameType.end, JSON.stringify(end));
    return end;
  }

  /** ABORT of the stream. */
  async abort(reason: string): Promise<void> {
    this.flush();
    await this.#whole(FrameType.abort, JSON.stringify({ reason }));
  }

  /** CLOSE: no stream comes after it. */
  close(): Promise<void> {
    this.#stream = { ...this.#stream, number: 0 };
    return this.#whole(FrameType.close, '');
  }

  /** Sends the DATA frame being filled, if there is one. */
  flush(): void {
    if (this.#left === null) return;
    this.#left = null;
    const { ring } = this.#options;
    const bytes = ring.head - ring.verified - FRAME_HEADER_BYTES;
    if (bytes === 0) {
      ring.rewind();
      return;
    }
    this.#stream.bytes += bytes;
    this.#seal(FrameType.data);
  }

  /** Starts a DATA frame and returns how many bytes it may take. */
  #open(): number {
    const { ring, payloadAt } = this.#options;
    ring.append(EMPTY_HEADER);
    this.#openedMs = performance.now();
    return payloadAt(ring.verified);
  }

  async #whole(type: FrameType, text: string): Promise<void> {
    const { ring, room } = this.#options;
    if (!ring.hasRoom) await room();
    ring.append(EMPTY_HEADER);
    ring.append(Buffer.from(text));
    this.#seal(type);
  }

  /** Everything behind `verified` becomes one frame. */
  #seal(type: FrameType): void {
    const { ring, pass } = this.#options;
    const position = ring.verified;
    const start = position + FRAME_HEADER_BYTES;
    const payloadBytes = ring.head - start;
    const { number: stream, tags } = this.#stream;
    writeFrameHeader(this.#signed, { type, stream, payloadBytes, pass, position });
    const tag = frameTag(this.#key, pass, position, this.#signed, ring.pieces(start, ring.head));
    ring.patch(position, Buffer.concat([this.#signed, tag], FRAME_SIGNED_BYTES + FRAME_TAG_BYTES));
    if (type === FrameType.begin || type === FrameType.data) tags.update(tag);
    ring.verify(ring.head);
    this.#options.onSealed();
  }
}
