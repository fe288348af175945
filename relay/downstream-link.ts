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
import { HANDSHAKE_MS, SEND_BYTES } from './tuning.ts';

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
  /** Position of the next byte to write. */
  #sent = 0;
  #writing = false;
  readonly #written = (): void => {
    this.#writing = false;
    this.pump();
  };

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
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', (error) => this.#end(this.#lost(error.message, error)));
    socket.on('close', () => this.#end(this.#lost('closed the link')));
    socket.write(encodeHello(this.#challenge));
  }

  get serving(): boolean {
    return this.#state === 'serving';
  }

  /** Everything below this position has been given to the socket. */
  get sent(): number {
    return this.#sent;
  }

  /**
   * Sends what is verified and not sent yet: the ring's own memory, one large
   * write at a time. That memory stays as it is until the downstream has
   * acknowledged it, or this link is destroyed.
   */
  pump(): void {
    if (this.#writing || this.#state !== 'serving') return;
    const to = Math.min(this.#ring.verified, this.#sent + SEND_BYTES);
    if (to <= this.#sent) return;
    const pieces = this.#ring.pieces(this.#sent, to);
    this.#sent = to;
    this.#writing = true;
    const last = pieces.pop();
    if (last === undefined) return;
    if (pieces.length > 0) this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.write(last, this.#written);
    if (pieces.length > 0) this.#socket.uncork();
  }

  destroy(): void {
    this.#state = 'over';
    clearTimeout(this.#handshakeTimer);
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
    this.#sent = get.position;
    this.#state = 'serving';
    this.#socket.write(encodeAnswer(answer));
    this.pump();
  }

  #readAcks(): void {
    const { last, rest } = decodeAcks(this.#unread);
    this.#unread = rest;
    if (last === null) return;
    if ((last[0] ?? 0) > Math.max(this.#sent, this.#ring.verified)) {
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
