/** The golden's end of one node's control link: checked and counted messages in, heartbeats out. */
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { AnyHello, HELLO_MS, KnockMessage, MAX_KNOCK_BYTES } from '../protocol/admission.ts';
import { HEARTBEAT_MS, HEARTBEATS_MISSED, PROTOCOL_VERSION } from '../protocol/constants.ts';
import { type GoldenMessage, NodeMessage } from '../protocol/control.ts';
import { parseMessage } from '../protocol/parse-message.ts';
import { guarded } from '../system/guard.ts';
import type { Peer } from './peer.ts';
import { Rate } from './rate.ts';

export interface NodeLinkHandlers {
  /** What it says before it is let in; a hello of another version has only that version. */
  knock: (message: KnockMessage | AnyHello) => void;
  /** What it says afterwards. */
  message: (message: NodeMessage) => void;
  /** Called once, with the reason in words. */
  closed: (why: string) => void;
}

/** A connection as the server hands it over; `raw` carries the WebSocket. */
export interface Connection {
  socket: WebSocket;
  raw: Duplex;
  peer: Peer;
  /** It does not count among those that are not let in any more. */
  letIn: () => void;
}

/** WebSocket close code for "the golden ends this link for the reason given" (private range). */
const CLOSED_BY_GOLDEN = 4000;
const MAX_REASON_BYTES = 120;

/** A node says a few things a second; one that floods is not one. */
const MESSAGES_PER_SECOND = 200;
const MESSAGES_AT_ONCE = 400;

export class NodeLink {
  readonly peer: Peer;
  readonly #socket: WebSocket;
  readonly #raw: Duplex;
  readonly #letIn: () => void;
  readonly #handlers: NodeLinkHandlers;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #rate = new Rate(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE, Date.now());
  #helloTimer: NodeJS.Timeout | undefined;
  #saidHello = false;
  #admitted = false;
  #knockBytes = 0;
  #missed = 0;
  #closed = false;

  constructor({ socket, raw, peer, letIn }: Connection, handlers: NodeLinkHandlers) {
    this.#socket = socket;
    this.#raw = raw;
    this.#letIn = letIn;
    this.peer = peer;
    this.#handlers = handlers;
    socket.on('pong', () => {
      this.#missed = 0;
    });
    socket.on(
      'message',
      guarded(
        (data: RawData, isBinary: boolean) => this.#receive(data, isBinary),
        (error) => this.#drop(`fault while it was heard: ${error.message}`),
      ),
    );
    socket.on('error', (error) => this.#end(`control link failed: ${error.message}`));
    socket.on('close', () => this.#end('control link closed'));
    raw.on('data', this.#count);
    this.#helloTimer = setTimeout(() => this.#drop('it did not say who it is'), HELLO_MS);
    this.#heartbeat = setInterval(this.#beat, HEARTBEAT_MS);
  }

  get open(): boolean {
    return !this.#closed;
  }

  /** From now on it is heard as a node of the session. */
  admit(): void {
    this.#admitted = true;
    this.#letIn();
    clearTimeout(this.#helloTimer);
    this.#raw.off('data', this.#count);
  }

  send(message: GoldenMessage): void {
    if (!this.#closed) this.#socket.send(JSON.stringify(message));
  }

  /** Ends the link after what was sent has gone out. */
  close(why: string): void {
    if (this.#closed) return;
    this.#socket.close(CLOSED_BY_GOLDEN, Buffer.from(why).subarray(0, MAX_REASON_BYTES));
    this.#end(why);
  }

  /** Also of fragments: what is not let in yet must not fill memory. */
  readonly #count = (chunk: Buffer): void => {
    this.#knockBytes += chunk.length;
    if (this.#knockBytes > 2 * MAX_KNOCK_BYTES) this.#drop('too much before it was let in');
  };

  readonly #beat = (): void => {
    if (this.#missed >= HEARTBEATS_MISSED) {
      const seconds = (HEARTBEATS_MISSED * HEARTBEAT_MS) / 1000;
      this.#drop(`no heartbeat for ${seconds} s`);
      return;
    }
    this.#missed += 1;
    this.#socket.ping();
  };

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#closed) return;
    // Whatever a node says shows that it lives.
    this.#missed = 0;
    if (!this.#rate.take(Date.now())) {
      this.#drop('too many messages');
      return;
    }
    const text = isBinary ? '' : data.toString();
    if (this.#admitted) {
      const message = parseMessage(NodeMessage, text);
      if (message) this.#handlers.message(message);
      else this.close('message does not fit this protocol version');
      return;
    }
    const knock = text.length > MAX_KNOCK_BYTES ? undefined : this.#parseKnock(text);
    // The first thing it says is who it is, and it says so once.
    if (!knock || (knock.type === 'hello') === this.#saidHello) {
      this.close('message does not fit this protocol version');
      return;
    }
    this.#saidHello = true;
    clearTimeout(this.#helloTimer);
    this.#handlers.knock(knock);
  }

  #parseKnock(text: string): KnockMessage | AnyHello | undefined {
    const hello = parseMessage(AnyHello, text);
    // Of another version nothing can be expected but that.
    if (hello && hello.protocol !== PROTOCOL_VERSION) return hello;
    return parseMessage(KnockMessage, text);
  }

  #drop(why: string): void {
    this.#socket.terminate();
    this.#end(why);
  }

  #end(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#helloTimer);
    this.#raw.off('data', this.#count);
    this.#handlers.closed(why);
  }
}
