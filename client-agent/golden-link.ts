/** The node's end of the control link: TLS with a pinned golden, checked messages. */
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';
import type { KnockMessage } from '../protocol/admission.ts';
import { HEARTBEAT_MS } from '../protocol/constants.ts';
import { GoldenMessage, type NodeMessage } from '../protocol/control.ts';
import { parseMessage } from '../protocol/parse-message.ts';
import { guarded } from '../system/guard.ts';
import { NamedError } from '../system/named-error.ts';
import type { KeyPair } from '../trust/key-pair.ts';
import { pinOf, publicBytes } from '../trust/pin.ts';
import { Paced } from './paced.ts';

export interface GoldenAddress {
  host: string;
  port: number;
  /** Of the only golden that is believed; undefined = whichever answers, to be confirmed by code. */
  pin: string | undefined;
  /** What this node proves itself with. */
  keys: KeyPair;
  /** Local address to come from. */
  localAddress: string | undefined;
}

const CONNECT_TIMEOUT_MS = 3000;
/** The golden pings each second; this much silence means it is gone. */
export const SILENCE_MS = 6 * HEARTBEAT_MS;
/** What becomes of the node is always said; the rest only tells of it. */
const TOLD_ONLY: ReadonlySet<string> = new Set(['step', 'log', 'warning', 'trouble']);
/** A plan of many disks is the largest. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

interface Opened {
  socket: WebSocket;
  pin: string;
  publicKey: Buffer;
  /** This machine's end of it. */
  localAddress: string;
}

/** Connects, and checks the pin before anything is said. */
const openTls = (golden: GoldenAddress): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const { host, port, pin, keys, localAddress } = golden;
    const at = `${host}:${port}`;
    const socket = connect({
      host,
      port,
      key: keys.key,
      cert: keys.cert,
      minVersion: 'TLSv1.3',
      // The certificate is its own authority: the pin below is the check.
      rejectUnauthorized: false,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const fail = (error: NamedError): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new NamedError('GoldenUnreachable', `no golden answers at ${at}`)),
      CONNECT_TIMEOUT_MS,
    );
    socket.on('error', (cause) =>
      fail(
        new NamedError('GoldenUnreachable', `no golden answers at ${at}: ${cause.message}`, {
          cause,
        }),
      ),
    );
    socket.once('secureConnect', () => {
      const key = socket.getPeerX509Certificate()?.publicKey;
      const found = key && pinOf(key);
      if (found === undefined || (pin !== undefined && found !== pin)) {
        const message = `golden at ${at} has another key (${found?.slice(0, 8) ?? 'none'}…) than this node was told; refused`;
        fail(new NamedError('WrongGolden', message));
        return;
      }
      clearTimeout(timer);
      resolve(socket);
    });
  });

const openSocket = async (golden: GoldenAddress, path: string): Promise<Opened> => {
  const at = `${golden.host}:${golden.port}`;
  const tls = await openTls(golden);
  const key = tls.getPeerX509Certificate()?.publicKey;
  const localAddress = tls.localAddress ?? '';
  if (key === undefined) throw new NamedError('WrongGolden', `golden at ${at} has no key`);
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://golden${path}`, {
      createConnection: () => tls,
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
    });
    socket.once('error', (cause) =>
      reject(
        new NamedError('GoldenUnreachable', `no golden answers at ${at}: ${cause.message}`, {
          cause,
        }),
      ),
    );
    socket.once('open', () => {
      socket.removeAllListeners('error');
      resolve({ socket, pin: pinOf(key), publicKey: publicBytes(key), localAddress });
    });
  });
};

export class GoldenLink {
  readonly pin: string;
  /** `publicBytes` of the golden's key. */
  readonly publicKey: Buffer;
  /** Address of this machine that the golden is reached from. */
  readonly localAddress: string;
  readonly #golden: GoldenAddress;
  readonly #socket: WebSocket;
  readonly #paced: Paced<NodeMessage | KnockMessage>;
  /** Resolves with the reason when the link is over, however it ended. */
  readonly closed: Promise<string>;

  private constructor(golden: GoldenAddress, opened: Opened) {
    const { socket, pin, publicKey, localAddress } = opened;
    this.localAddress = localAddress;
    this.#golden = { ...golden, pin };
    this.#socket = socket;
    this.#paced = new Paced(this.#write, ({ type }) => TOLD_ONLY.has(type));
    this.pin = pin;
    this.publicKey = publicKey;
    this.closed = new Promise((resolve) => {
      let silence = setTimeout(() => socket.terminate(), SILENCE_MS);
      socket.on('ping', () => {
        clearTimeout(silence);
        silence = setTimeout(() => socket.terminate(), SILENCE_MS);
      });
      const end = (why: string) => {
        clearTimeout(silence);
        this.#paced.stop();
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

  /** Calls `handler` for each message; one that does not fit, or that cannot be done, ends the link. */
  listen(handler: (message: GoldenMessage) => void): void {
    const hear = (data: unknown): void => {
      const message = parseMessage(GoldenMessage, String(data));
      if (message) handler(message);
      else this.#socket.close(4001, 'message from the golden does not fit');
    };
    this.#socket.on(
      'message',
      guarded(hear, () => this.#socket.close(4001, 'message from the golden cannot be followed')),
    );
  }

  /** Messages go in this order; only positions, which tell of now, wait for no others. */
  send(message: NodeMessage | KnockMessage): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (message.type === 'position') this.#write(message);
    else this.#paced.send(message);
  }

  readonly #write = (message: NodeMessage | KnockMessage): void => {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  };

  /** Opens one more connection to the same golden, proved in the same way, for one rsync. */
  async openSettleChannel(token: string): Promise<Duplex> {
    const { socket } = await openSocket(this.#golden, `/settle?token=${encodeURIComponent(token)}`);
    return createWebSocketStream(socket);
  }

  /** Resolves when what was sent has left, or the link is gone anyway. */
  async close(): Promise<void> {
    this.#paced.end();
    this.#socket.close();
    await this.closed;
  }
}
