/**
 * Checks the frames that come into a ring and moves `verified` past each good
 * one. Knows the order frames must have: BEGIN, DATA…, END or ABORT for each
 * stream, CLOSE after the last.
 */
import { createHash, type Hash } from 'node:crypto';
import {
  FRAME_HEADER_BYTES,
  FRAME_SIGNED_BYTES,
  FRAME_TEXT_MAX_BYTES,
  type FrameHeader,
  FrameType,
  readFrameHeader,
  readFrameJson,
  StreamAbort,
  StreamBegin,
  StreamEnd,
} from '../protocol/frame.ts';
import { NamedError } from '../system/named-error.ts';
import type { FrameCipher } from './frame-cipher.ts';
import type { Ring } from './ring.ts';

/** A checked frame; `end` is the position behind it. */
export type Frame = { end: number } /** `stream`: its number. */ & (
  | { type: 'begin'; stream: number; begin: StreamBegin }
  | {
      type: 'data';
      position: number;
      /** As it is on the wire. */
      payload: readonly Buffer[];
      bytes: number;
      /** As it is for the sink; null = still to be decrypted. */
      clear: readonly Buffer[] | null;
    }
  | { type: 'end'; bytes: number; digest: string }
  | { type: 'abort'; reason: string }
  | { type: 'close' }
);

export interface FrameScannerOptions {
  ring: Ring;
  cipher: FrameCipher;
  pass: number;
  /** Memory to decrypt the next payload of DATA to; null = that is done later. */
  clearSpace: (bytes: number) => Buffer | null;
}

interface OpenStream {
  number: number;
  name: string;
  bytes: number;
  tags: Hash;
}

/** A frame whose tag is right. */
interface Checked {
  tag: Buffer;
  payload: readonly Buffer[];
  target: Buffer | null;
  end: number;
}

const damaged = (message: string): NamedError => new NamedError('FrameDamaged', message);

export class FrameScanner {
  readonly #ring: Ring;
  readonly #cipher: FrameCipher;
  readonly #pass: number;
  readonly #clearSpace: FrameScannerOptions['clearSpace'];
  #stream: OpenStream | null = null;
  #lastStream = 0;
  #closed = false;
  /** Nothing can be done before head is here. */
  #needed = FRAME_HEADER_BYTES;

  constructor({ ring, cipher, pass, clearSpace }: FrameScannerOptions) {
    this.#ring = ring;
    this.#cipher = cipher;
    this.#pass = pass;
    this.#clearSpace = clearSpace;
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
      const signed = bytes.subarray(0, FRAME_SIGNED_BYTES);
      const tag = bytes.subarray(FRAME_SIGNED_BYTES);
      const target = this.#targetFor(header);
      if (!this.#cipher.verifies(start, signed, payload, tag, target)) {
        throw damaged(`frame at position ${start} does not match its tag`);
      }
      const frame = this.#accept(header, { tag, payload, target, end });
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
    const most = Math.min(this.#ring.maxPayloadBytes, this.#cipher.maxPayloadBytes);
    const isData = header.type === FrameType.data;
    if (header.payloadBytes > (isData ? most : Math.min(most, FRAME_TEXT_MAX_BYTES))) {
      throw damaged(`frame of ${header.payloadBytes} bytes, too large`);
    }
  }

  /** Where the payload is decrypted to while it is checked. */
  #targetFor({ type, payloadBytes }: FrameHeader): Buffer | null {
    if (this.#cipher.inClear) return null;
    return type === FrameType.data ? this.#clearSpace(payloadBytes) : Buffer.alloc(payloadBytes);
  }

  #accept(header: FrameHeader, { tag, payload, target, end }: Checked): Frame {
    const clear = this.#cipher.inClear ? payload : target && [target];
    switch (header.type) {
      case FrameType.begin: {
        if (this.#stream !== null || header.stream !== this.#lastStream + 1) {
          throw damaged(`stream ${header.stream} begins out of order`);
        }
        const begin = readFrameJson(StreamBegin, Buffer.concat(clear ?? []));
        const tags = createHash('sha256').update(tag);
        this.#lastStream = header.stream;
        this.#stream = { number: header.stream, name: begin.name, bytes: 0, tags };
        return { type: 'begin', stream: header.stream, begin, end };
      }
      case FrameType.data: {
        const stream = this.#open(header);
        stream.tags.update(tag);
        stream.bytes += header.payloadBytes;
        const { position, payloadBytes: bytes } = header;
        return { type: 'data', position, payload, bytes, clear, end };
      }
      case FrameType.end: {
        const stream = this.#open(header);
        const said = readFrameJson(StreamEnd, Buffer.concat(clear ?? []));
        // The copy keeps the sum usable when this frame has to be fetched again.
        if (said.bytes !== stream.bytes || said.digest !== stream.tags.copy().digest('hex')) {
          throw damaged(`stream ${stream.name} does not match its digest`);
        }
        this.#stream = null;
        return { type: 'end', bytes: said.bytes, digest: said.digest, end };
      }
      case FrameType.abort: {
        this.#open(header);
        const { reason } = readFrameJson(StreamAbort, Buffer.concat(clear ?? []));
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
