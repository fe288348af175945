/** One connection from the downstream: handshake, then the ring's bytes down and acknowledgements up. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  CHALLENGE_BYTES,
  decodeAcks,
  decodeGet,
  encodeAnswer,
  encodeHello,
  GET_BYTES,
  type LinkAnswer,
  type LinkGet,
} from '../protocol/link.ts';
import { NamedError } from '../system/named-error.ts';
import type { Ring } from './ring.ts';
import { RingSender } from './ring-sender.ts';
import { HANDSHAKE_MS } from './tuning.ts';

export interface DownstreamLinkHandlers {
  /** A request with the right proof. With `ok` the link is the downstream's from now on. */
  onGet(link: DownstreamLink, get: LinkGet): LinkAnswer;
  onAck(link: DownstreamLink, positions: readonly number[]): void;
  /** Called once, never after `destroy`. */
  onEnd(link: DownstreamLink, error: NamedError): void;
}

export class DownstreamLink {
  readonly #socket: Socket;
  readonly #key: Buffer;
  readonly #ring: Ring;
  readonly #handlers: DownstreamLinkHandlers;
  readonly #challenge = randomBytes(CHALLENGE_BYTES);
  readonly #handshakeTimer: NodeJS.Timeout;
  readonly #where: string;
  #state: 'handshake' | 'declined' | 'serving' | 'over' = 'handshake';
  #unread: Buffer = Buffer.alloc(0);
  #sender: RingSender | null = null;

  constructor(
    socket: Socket,
    options: { key: Buffer; ring: Ring },
    handlers: DownstreamLinkHandlers,
  ) {
    this.#socket = socket;
    this.#key = options.key;
    this.#ring = options.ring;
    this.#handlers = handlers;
    this.#where = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#handshakeTimer = setTimeout(() => {
      this.#end(this.#lost(`did not finish its request within ${HANDSHAKE_MS} ms`));
    }, HANDSHAKE_MS);
    socket.on('data', (bytes) => this.#read(Buffer.from(bytes)));
    socket.on('error', (error) => this.#end(this.#lost(error.message, error)));
    socket.on('close', () => this.#end(this.#lost('closed the link')));
    socket.write(encodeHello(this.#challenge));
  }

  get serving(): boolean {
    return this.#state === 'serving';
  }

  /** Everything below this position has been handed to the system. */
  get sent(): number {
    return this.#sender?.sent ?? 0;
  }

  /** Sends what is verified and not sent yet. */
  pump(): void {
    this.#sender?.pump();
  }

  destroy(): void {
    this.#state = 'over';
    clearTimeout(this.#handshakeTimer);
    this.#sender?.close();
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    if (this.#state === 'over' || this.#state === 'declined') return;
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    try {
      if (this.#state === 'handshake') this.#shake();
      if (this.#state === 'serving') this.#readAcks();
    } catch (error) {
      this.#end(error instanceof NamedError ? error : this.#lost(String(error), error));
    }
  }

  #shake(): void {
    if (this.#unread.length < GET_BYTES) return;
    const get = decodeGet(this.#key, this.#challenge, this.#unread);
    this.#unread = this.#unread.subarray(GET_BYTES);
    const answer: LinkAnswer =
      get === null ? { status: 'refused', position: 0 } : this.#handlers.onGet(this, get);
    if (get === null || answer.status !== 'ok') {
      // The timer stays: it ends the link of a peer that does not hang up.
      this.#state = 'declined';
      this.#socket.end(encodeAnswer(answer));
      return;
    }
    clearTimeout(this.#handshakeTimer);
    this.#state = 'serving';
    this.#sender = new RingSender(this.#socket, this.#ring, encodeAnswer(answer), get.position);
  }

  #readAcks(): void {
    const { last, rest } = decodeAcks(this.#unread);
    this.#unread = rest;
    if (last === null) return;
    if ((last[0] ?? 0) > Math.max(this.sent, this.#ring.verified)) {
      throw new NamedError('LinkDamaged', `${this.#where} has acknowledged bytes never sent to it`);
    }
    this.#handlers.onAck(this, last);
  }

  #lost(why: string, cause?: unknown): NamedError {
    return new NamedError('DownstreamLost', `downstream ${this.#where}: ${why}`, { cause });
  }

  #end(error: NamedError): void {
    if (this.#state === 'over') return;
    this.destroy();
    this.#handlers.onEnd(this, error);
  }
}
