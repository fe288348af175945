/** The node's end of the control link: TLS with a pinned golden, checked messages. */

import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';
import { HEARTBEAT_MS } from '../protocol/constants.ts';
import { GoldenMessage, type NodeMessage } from '../protocol/control.ts';
import { parseMessage } from '../protocol/parse-message.ts';
import { NamedError } from '../system/named-error.ts';

export interface GoldenAddress {
  host: string;
  port: number;
  /** SHA-256 of the golden's certificate; undefined = take the first seen. */
  fingerprint: string | undefined;
  /** Local address to come from. */
  localAddress: string | undefined;
}

const CONNECT_TIMEOUT_MS = 5000;
/** The golden pings each second; this much silence means it is gone. */
export const SILENCE_MS = 6 * HEARTBEAT_MS;

interface Opened {
  socket: WebSocket;
  fingerprint: string;
  /** This machine's end of it. */
  localAddress: string;
}

const openSocket = (golden: GoldenAddress, path: string): Promise<Opened> =>
  new Promise((resolve, reject) => {
    const at = `${golden.host}:${golden.port}`;
    const socket = new WebSocket(`wss://${at}${path}`, {
      // The certificate is its own authority: the fingerprint below is the check.
      rejectUnauthorized: false,
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      ...(golden.localAddress ? { localAddress: golden.localAddress } : {}),
    });
    let fingerprint = '';
    let localAddress = '';
    socket.on('upgrade', (response) => {
      localAddress = response.socket.localAddress ?? '';
      if (response.socket instanceof TLSSocket) {
        fingerprint = response.socket.getPeerCertificate().fingerprint256;
      }
    });
    socket.once('error', (error) =>
      reject(
        new NamedError('GoldenUnreachable', `no golden answers at ${at}: ${error.message}`, {
          cause: error,
        }),
      ),
    );
    socket.once('open', () => {
      socket.removeAllListeners('error');
      if (golden.fingerprint !== undefined && golden.fingerprint !== fingerprint) {
        socket.terminate();
        const got = fingerprint.slice(0, 17);
        reject(
          new NamedError(
            'WrongGolden',
            `golden at ${at} has another key (${got}…) than this node was booted for; refused`,
          ),
        );
        return;
      }
      resolve({ socket, fingerprint, localAddress });
    });
  });

export class GoldenLink {
  readonly fingerprint: string;
  /** Address of this machine that the golden is reached from. */
  readonly localAddress: string;
  readonly #golden: GoldenAddress;
  readonly #socket: WebSocket;
  /** Resolves with the reason when the link is over, however it ended. */
  readonly closed: Promise<string>;

  private constructor(golden: GoldenAddress, { socket, fingerprint, localAddress }: Opened) {
    this.localAddress = localAddress;
    this.#golden = { ...golden, fingerprint };
    this.#socket = socket;
    this.fingerprint = fingerprint;
    this.closed = new Promise((resolve) => {
      let silence = setTimeout(() => socket.terminate(), SILENCE_MS);
      socket.on('ping', () => {
        clearTimeout(silence);
        silence = setTimeout(() => socket.terminate(), SILENCE_MS);
      });
      const end = (why: string) => {
        clearTimeout(silence);
        resolve(why);
      };
      socket.on('error', (error) => end(`the golden cannot be reached: ${error.message}`));
      socket.on('close', (_code, reason) =>
        end(reason.length > 0 ? reason.toString() : 'the golden is gone'),
      );
    });
  }

  /** Throws `GoldenUnreachable` or `WrongGolden`. */
  static async connect(golden: GoldenAddress): Promise<GoldenLink> {
    return new GoldenLink(golden, await openSocket(golden, '/control'));
  }

  /** Calls `handler` for each message; a message that does not fit ends the link. */
  listen(handler: (message: GoldenMessage) => void): void {
    this.#socket.on('message', (data) => {
      const message = parseMessage(GoldenMessage, data.toString());
      if (message) handler(message);
      else this.#socket.close(4001, 'message from the golden does not fit');
    });
  }

  send(message: NodeMessage): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Opens one more authenticated connection, for one rsync. */
  async openSettleChannel(token: string): Promise<Duplex> {
    const { socket } = await openSocket(this.#golden, `/settle?token=${encodeURIComponent(token)}`);
    return createWebSocketStream(socket);
  }

  /** Resolves when what was sent has left, or the link is gone anyway. */
  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }
}
