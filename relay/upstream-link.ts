/** One connection to the upstream, dialled by this node: handshake, then frames straight into the ring. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { FRAME_HEADER_BYTES } from '../protocol/frame.ts';
import {
  AckWriter,
  ANSWER_BYTES,
  CHALLENGE_BYTES,
  decodeAnswer,
  decodeHello,
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
  /**
   * Called once, never after `destroy`. `LinkDeclined`: the upstream hung up
   * instead of answering.
   */
  onEnd(error: NamedError): void;
}

export interface UpstreamLinkOptions {
  /** Of this link, 32 bytes. */
  key: Buffer;
  get: LinkGet;
  ring: Ring;
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
  readonly #key: Buffer;
  readonly #get: LinkGet;
  /** Handshake bytes so far: buffers are cut so that no byte of the frames can get in here. */
  readonly #handshake = Buffer.alloc(ANSWER_BYTES);
  #filled = 0;
  /** What was asked, and by which challenge of the upstream. */
  #asked: { hello: Buffer; request: Buffer } | null = null;
  #acks: AckWriter | null = null;

  constructor(
    upstream: { host: string; port: number },
    options: UpstreamLinkOptions,
    handlers: UpstreamLinkHandlers,
  ) {
    this.#key = options.key;
    this.#get = options.get;
    this.#ring = options.ring;
    this.#handlers = handlers;
    this.#where = `${upstream.host}:${upstream.port}`;
    this.#socket = connect({
      host: upstream.host,
      port: upstream.port,
      noDelay: true,
      onread: {
        buffer: () => this.#buffer(),
        callback: (bytes) => this.#read(bytes),
      },
    });
    this.#handshakeTimer = setTimeout(() => {
      this.#end(this.#lost(`did not answer within ${HANDSHAKE_MS} ms`));
    }, HANDSHAKE_MS);
    this.#socket.on('error', (error) => this.#end(this.#lost(error.message, error)));
    this.#socket.on('close', () => this.#end(this.#hungUp()));
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
    if (this.#acks !== null && this.connected) this.#socket.write(this.#acks.encode(positions));
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
  #read(bytes: number): boolean {
    try {
      if (this.#state === 'frames') {
        this.#ring.advance(bytes);
        this.#await(this.#handlers.onBytes());
      } else {
        this.#shake(bytes);
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

  #shake(bytes: number): void {
    this.#filled += bytes;
    if (this.#state === 'hello' && this.#filled === HELLO_BYTES) {
      const hello = decodeHello(this.#handshake);
      const request = encodeGet(this.#key, hello, randomBytes(CHALLENGE_BYTES), this.#get);
      this.#asked = { hello, request };
      this.#socket.write(request);
      this.#filled = 0;
      this.#state = 'answer';
    } else if (this.#asked !== null && this.#filled === ANSWER_BYTES) {
      this.#answered(this.#asked);
    }
  }

  #answered({ hello, request }: { hello: Buffer; request: Buffer }): void {
    const answer = decodeAnswer(this.#key, hello, request, this.#handshake);
    if (answer === null) throw this.#lost('gave an answer it cannot prove');
    clearTimeout(this.#handshakeTimer);
    this.#state = 'frames';
    this.#lowWater = new LowWater(this.#socket);
    this.#acks = new AckWriter(this.#key, hello, request);
    this.#handlers.onAnswer(answer);
  }

  #hungUp(): NamedError {
    if (this.#state !== 'answer') return this.#lost('closed the link');
    const message = `upstream ${this.#where} does not expect node ${this.#get.node}`;
    return new NamedError('LinkDeclined', message);
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
