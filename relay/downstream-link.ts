/** One connection from the downstream: handshake, then the ring's bytes down and acknowledgements up. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  AckReader,
  CHALLENGE_BYTES,
  decodeGet,
  encodeAnswer,
  encodeHello,
  GET_BYTES,
  type LinkGet,
  provesGet,
} from '../protocol/link.ts';
import { NamedError } from '../system/named-error.ts';
import type { Admission } from './downstream-book.ts';
import type { Ring } from './ring.ts';
import { RingSender } from './ring-sender.ts';
import { HANDSHAKE_MS } from './tuning.ts';

export interface DownstreamLinkHandlers {
  /**
   * A request, and whether it is proved with a key. With `ok` the link is the
   * downstream's from now on. Asked again by `reconsider` when it was held.
   */
  onGet(link: DownstreamLink, get: LinkGet, proves: (key: string) => boolean): Admission;
  onAck(link: DownstreamLink, positions: readonly number[]): void;
  /** Called once, never after `destroy`. */
  onEnd(link: DownstreamLink, error: NamedError): void;
}

export class DownstreamLink {
  readonly #socket: Socket;
  readonly #ring: Ring;
  readonly #handlers: DownstreamLinkHandlers;
  readonly #challenge = randomBytes(CHALLENGE_BYTES);
  readonly #handshakeTimer: NodeJS.Timeout;
  readonly #where: string;
  #state: 'handshake' | 'declined' | 'serving' | 'over' = 'handshake';
  #unread: Buffer = Buffer.alloc(0);
  #sender: RingSender | null = null;
  #acks: AckReader | null = null;

  constructor(socket: Socket, ring: Ring, handlers: DownstreamLinkHandlers) {
    this.#socket = socket;
    this.#ring = ring;
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

  /** There is another order: a request that was held may be answered now. */
  reconsider(): void {
    if (this.#state === 'handshake') this.#take(() => this.#shake());
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
    this.#take(() => {
      if (this.#state === 'handshake') this.#shake();
      else this.#readAcks();
    });
  }

  /** What the peer says may end its link, and nothing more. */
  #take(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#end(error instanceof NamedError ? error : this.#lost(String(error), error));
    }
  }

  #shake(): void {
    if (this.#unread.length < GET_BYTES) return;
    if (this.#unread.length > GET_BYTES) throw this.#lost('said more before it was answered');
    const request = this.#unread;
    const get = decodeGet(request);
    let proved: Buffer | null = null;
    const admission = this.#handlers.onGet(this, get, (text) => {
      const key = Buffer.from(text, 'base64');
      if (!provesGet(key, this.#challenge, request)) return false;
      proved = key;
      return true;
    });
    if (admission === 'hold') return;
    if (admission === 'decline' || proved === null) {
      throw this.#lost('asked for what it may not have');
    }
    this.#unread = Buffer.alloc(0);
    const answer = encodeAnswer(proved, this.#challenge, request, admission);
    if (admission.status !== 'ok') {
      // The timer stays: it ends the link of a peer that does not hang up.
      this.#state = 'declined';
      this.#socket.end(answer);
      return;
    }
    clearTimeout(this.#handshakeTimer);
    this.#state = 'serving';
    this.#acks = new AckReader(proved, this.#challenge, request);
    this.#sender = new RingSender(this.#socket, this.#ring, answer, get.position);
  }

  #readAcks(): void {
    if (this.#acks === null) return;
    const { last, rest } = this.#acks.decode(this.#unread);
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
