/** The golden's end of one node's control link: checked messages in, heartbeats out. */
import type { WebSocket } from 'ws';
import { HEARTBEAT_MS, HEARTBEATS_MISSED } from '../protocol/constants.ts';
import { type GoldenMessage, NodeMessage } from '../protocol/control.ts';
import { parseMessage } from '../protocol/parse-message.ts';

export interface NodeLinkHandlers {
  message: (message: NodeMessage) => void;
  /** Called once, with the reason in words. */
  closed: (why: string) => void;
}

/** WebSocket close code for "the golden ends this link for the reason given" (private range). */
const CLOSED_BY_GOLDEN = 4000;
const MAX_REASON_BYTES = 120;

export class NodeLink {
  readonly address: string;
  readonly #socket: WebSocket;
  readonly #handlers: NodeLinkHandlers;
  readonly #heartbeat: NodeJS.Timeout;
  #missed = 0;
  #closed = false;

  constructor(socket: WebSocket, address: string, handlers: NodeLinkHandlers) {
    this.#socket = socket;
    this.address = address;
    this.#handlers = handlers;
    socket.on('pong', () => {
      this.#missed = 0;
    });
    socket.on('message', (data, isBinary) => this.#receive(data.toString(), isBinary));
    socket.on('error', (error) => this.#end(`control link failed: ${error.message}`));
    socket.on('close', () => this.#end('control link closed'));
    this.#heartbeat = setInterval(this.#beat, HEARTBEAT_MS);
  }

  get open(): boolean {
    return !this.#closed;
  }

  send(message: GoldenMessage): void {
    if (!this.#closed) this.#socket.send(JSON.stringify(message));
  }

  /** Ends the link after what was sent has gone out. */
  close(why: string): void {
    this.#socket.close(CLOSED_BY_GOLDEN, Buffer.from(why).subarray(0, MAX_REASON_BYTES));
    this.#end(why);
  }

  #beat = (): void => {
    if (this.#missed >= HEARTBEATS_MISSED) {
      const seconds = (HEARTBEATS_MISSED * HEARTBEAT_MS) / 1000;
      this.#socket.terminate();
      this.#end(`no heartbeat for ${seconds} s`);
      return;
    }
    this.#missed += 1;
    this.#socket.ping();
  };

  #receive(text: string, isBinary: boolean): void {
    // Whatever a node says shows that it lives.
    this.#missed = 0;
    const message = isBinary ? undefined : parseMessage(NodeMessage, text);
    if (message) this.#handlers.message(message);
    else this.close('message does not fit this protocol version');
  }

  #end(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#handlers.closed(why);
  }
}
