/**
 * Checks the frames that come into a ring and moves `verified` past each good
 * one. Knows the order frames must have: BEGIN, DATA…, END or ABORT for each
 * stream, CLOSE after the last.
 */
import { createHash, type Hash, type KeyObject } from 'node:crypto';
import {
  FRAME_HEADER_BYTES,
  FRAME_SIGNED_BYTES,
  type FrameHeader,
  FrameType,
  frameKey,
  frameTag,
  readFrameHeader,
  readFrameJson,
  StreamAbort,
  StreamBegin,
  StreamEnd,
} from '../protocol/frame.ts';
import { NamedError } from '../system/named-error.ts';
import type { Ring } from './ring.ts';

/** A checked frame; `end` is the position behind it. */
export type Frame = { end: number } & (
  | { type: 'begin'; begin: StreamBegin }
  | { type: 'data'; payload: readonly Buffer[]; bytes: number }
  | { type: 'end'; bytes: number; digest: string }
  | { type: 'abort'; reason: string }
  | { type: 'close' }
);

interface OpenStream {
  number: number;
  name: string;
  bytes: number;
  tags: Hash;
}

const damaged = (message: string): NamedError => new NamedError('FrameDamaged', message);

export class FrameScanner {
  readonly #ring: Ring;
  readonly #key: KeyObject;
  readonly #pass: number;
  #stream: OpenStream | null = null;
  #lastStream = 0;
  #closed = false;
  /** Nothing can be done before head is here. */
  #needed = FRAME_HEADER_BYTES;

  constructor(ring: Ring, key: Buffer, pass: number) {
    this.#ring = ring;
    this.#key = frameKey(key);
    this.#pass = pass;
  }

  /** The stream being received and its DATA bytes so far. */
  get stream(): { name: string; bytes: number } | null {
    return this.#stream;
  }

  /** CLOSE has been verified. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes to come before `scan` can do anything. */
  get missing(): number {
    return this.#needed - this.#ring.head;
  }

  /** What came in behind `verified` was thrown away. */
  restart(): void {
    this.#needed = this.#ring.verified + FRAME_HEADER_BYTES;
  }

  /**
   * Checks every whole frame between `verified` and head and hands each to
   * `onFrame`. Throws `FrameDamaged`; the good frames before the bad one have
   * been handed on then.
   */
  scan(onFrame: (frame: Frame) => void): void {
    const ring = this.#ring;
    while (ring.head >= this.#needed) {
      const start = ring.verified;
      if (this.#closed) throw damaged('bytes behind the end of the pass');
      const bytes = ring.joined(start, start + FRAME_HEADER_BYTES);
      const header = readFrameHeader(bytes, 0);
      this.#checkPlace(header, start);
      const end = start + FRAME_HEADER_BYTES + header.payloadBytes;
      if (ring.head < end) {
        this.#needed = end;
        return;
      }
      const payload = ring.pieces(start + FRAME_HEADER_BYTES, end);
      const tag = frameTag(
        this.#key,
        this.#pass,
        start,
        bytes.subarray(0, FRAME_SIGNED_BYTES),
        payload,
      );
      if (!tag.equals(bytes.subarray(FRAME_SIGNED_BYTES, FRAME_HEADER_BYTES))) {
        throw damaged(`frame at position ${start} does not match its tag`);
      }
      const frame = this.#accept(header, tag, payload, end);
      ring.verify(end);
      this.#needed = end + Math.max(FRAME_HEADER_BYTES, header.nextBytes);
      onFrame(frame);
    }
  }

  #checkPlace(header: FrameHeader, position: number): void {
    if (header.pass !== this.#pass) throw damaged(`frame of pass ${header.pass}`);
    if (header.position !== position) {
      throw damaged(`frame of position ${header.position} at position ${position}`);
    }
    if (header.payloadBytes > this.#ring.maxPayloadBytes) {
      throw damaged(`frame of ${header.payloadBytes} bytes, too large for the ring`);
    }
  }

  #accept(header: FrameHeader, tag: Buffer, payload: readonly Buffer[], end: number): Frame {
    switch (header.type) {
      case FrameType.begin: {
        if (this.#stream !== null || header.stream !== this.#lastStream + 1) {
          throw damaged(`stream ${header.stream} begins out of order`);
        }
        const begin = readFrameJson(StreamBegin, Buffer.concat(payload));
        const tags = createHash('sha256').update(tag);
        this.#lastStream = header.stream;
        this.#stream = { number: header.stream, name: begin.name, bytes: 0, tags };
        return { type: 'begin', begin, end };
      }
      case FrameType.data: {
        const stream = this.#open(header);
        stream.tags.update(tag);
        stream.bytes += header.payloadBytes;
        return { type: 'data', payload, bytes: header.payloadBytes, end };
      }
      case FrameType.end: {
        const stream = this.#open(header);
        const said = readFrameJson(StreamEnd, Buffer.concat(payload));
        // The copy keeps the sum usable when this frame has to be fetched again.
        if (said.bytes !== stream.bytes || said.digest !== stream.tags.copy().digest('hex')) {
          throw damaged(`stream ${stream.name} does not match its digest`);
        }
        this.#stream = null;
        return { type: 'end', bytes: said.bytes, digest: said.digest, end };
      }
      case FrameType.abort: {
        this.#open(header);
        const { reason } = readFrameJson(StreamAbort, Buffer.concat(payload));
        this.#stream = null;
        return { type: 'abort', reason, end };
      }
      case FrameType.close:
        if (this.#stream !== null) throw damaged('the pass ends within a stream');
        this.#closed = true;
        return { type: 'close', end };
    }
  }

  #open(header: FrameHeader): OpenStream {
    if (this.#stream === null || this.#stream.number !== header.stream) {
      throw damaged(`frame of stream ${header.stream}, which is not open`);
    }
    return this.#stream;
  }
}
