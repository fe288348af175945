/** One connection to the upstream, dialled by this node: handshake, then frames straight into the ring. */
import { connect, type Socket } from 'node:net';
import { FRAME_HEADER_BYTES } from '../protocol/frame.ts';
import {
  ANSWER_BYTES,
  decodeAnswer,
  decodeHello,
  encodeAck,
  encodeGet,
  HELLO_BYTES,
  type LinkAnswer,
  type LinkGet,
} from '../protocol/link.ts';
import { NamedError } from '../system/named-error.ts';
import { LowWater } from '../system/socket-options.ts';
import type { Ring } from './ring.ts';
import { HANDSHAKE_MS, WAKE_BYTES } from './tuning.ts';

export interface UpstreamLinkHandlers {
  /** The upstream has answered; unless it is `ok` nothing more comes. */
  onAnswer(answer: LinkAnswer): void;
  /**
   * Bytes have come into the ring. Returns how many more are needed before
   * anything can be done with them. Throws when they are damaged, which ends the
   * link.
   */
  onBytes(): number;
  /** The ring is full: nothing is read until `resume()`. */
  onPause(): void;
  /** Called once, never after `destroy`. */
  onEnd(error: NamedError): void;
}

export class UpstreamLink {
  readonly #socket: Socket;
  readonly #ring: Ring;
  readonly #handlers: UpstreamLinkHandlers;
  readonly #handshakeTimer: NodeJS.Timeout;
  readonly #where: string;
  #state: 'hello' | 'answer' | 'frames' | 'over' = 'hello';
  #paused = false;
  #lowWater: LowWater | null = null;
  /** Handshake bytes so far: buffers are cut so that no byte of the frames can get in here. */
  readonly #handshake = Buffer.alloc(HELLO_BYTES);
  #filled = 0;

  constructor(
    upstream: { host: string; port: number },
    options: { key: Buffer; get: LinkGet; ring: Ring },
    handlers: UpstreamLinkHandlers,
  ) {
    this.#ring = options.ring;
    this.#handlers = handlers;
    this.#where = `${upstream.host}:${upstream.port}`;
    this.#socket = connect({
      host: upstream.host,
      port: upstream.port,
      noDelay: true,
      onread: {
        buffer: () => this.#buffer(),
        callback: (bytes) => this.#read(bytes, options),
      },
    });
    this.#handshakeTimer = setTimeout(() => {
      this.#end(this.#lost(`did not answer within ${HANDSHAKE_MS} ms`));
    }, HANDSHAKE_MS);
    this.#socket.on('error', (error) => this.#end(this.#lost(error.message, error)));
    this.#socket.on('close', () => this.#end(this.#lost('closed the link')));
    // Without a 'data' listener nothing else makes the stream flow.
    this.#socket.resume();
  }

  get connected(): boolean {
    return this.#state === 'frames';
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Goes on reading after the ring was full. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** Reads what is there, however little. */
  readAll(): void {
    this.#lowWater?.set(1);
  }

  acknowledge(positions: readonly number[]): void {
    if (this.#state === 'frames') this.#socket.write(encodeAck(positions));
  }

  destroy(): void {
    this.#state = 'over';
    clearTimeout(this.#handshakeTimer);
    this.#socket.destroy();
  }

  #buffer(): Buffer {
    if (this.#state === 'frames') return this.#ring.space();
    const wanted = this.#state === 'answer' ? ANSWER_BYTES : HELLO_BYTES;
    return this.#handshake.subarray(this.#filled, wanted);
  }

  /** Returns false to pause. */
  #read(bytes: number, options: { key: Buffer; get: LinkGet }): boolean {
    try {
      if (this.#state === 'frames') {
        this.#ring.advance(bytes);
        this.#await(this.#handlers.onBytes());
      } else {
        this.#shake(bytes, options);
      }
    } catch (error) {
      this.#end(error instanceof NamedError ? error : this.#lost(String(error), error));
    }
    if (this.#state !== 'frames' || this.#ring.hasRoom) return true;
    this.#paused = true;
    this.#handlers.onPause();
    return false;
  }

  /** The rest of a frame is waited for as a whole. A header is so short that nothing is won by it. */
  #await(bytes: number): void {
    this.#lowWater?.set(bytes > FRAME_HEADER_BYTES ? Math.min(bytes, WAKE_BYTES) : 1);
  }

  #shake(bytes: number, options: { key: Buffer; get: LinkGet }): void {
    this.#filled += bytes;
    if (this.#state === 'hello' && this.#filled === HELLO_BYTES) {
      const challenge = decodeHello(this.#handshake);
      this.#socket.write(encodeGet(options.key, challenge, options.get));
      this.#filled = 0;
      this.#state = 'answer';
    } else if (this.#state === 'answer' && this.#filled === ANSWER_BYTES) {
      clearTimeout(this.#handshakeTimer);
      this.#state = 'frames';
      this.#lowWater = new LowWater(this.#socket);
      this.#handlers.onAnswer(decodeAnswer(this.#handshake));
    }
  }

  #lost(why: string, cause?: unknown): NamedError {
    return new NamedError('UpstreamLost', `upstream ${this.#where}: ${why}`, { cause });
  }

  #end(error: NamedError): void {
    if (this.#state === 'over') return;
    this.destroy();
    this.#handlers.onEnd(error);
  }
}
