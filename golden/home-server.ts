/** Hears from clones that they run from their own disks (`protocol/home.ts`). */
import { createServer, type Socket } from 'node:net';
import { HOME_REPLIES, MAX_HOME_LINE_BYTES, parseHomeLine } from '../protocol/home.ts';
import { type ConnectionLimits, limitConnections } from '../system/connection-limits.ts';
import { guarded } from '../system/guard.ts';
import { plainAddress } from '../system/plain-address.ts';
import { seldom } from '../system/seldom.ts';
import { endWith, listenOn } from '../system/tcp-server.ts';

export interface HomeServerOptions {
  host: string;
  /** 0 = any free one. */
  port: number;
  /** Closes the port and every connection. */
  signal: AbortSignal;
  /**
   * A clone has called. `text` is its host name and boot id, printable;
   * `address` its own. Returns whether the token is known: then the clone calls
   * no more, and this is not called again for it.
   */
  onHome: (token: string, text: string, address: string) => boolean;
  /** Hears in one line, seldom, what strangers do to the port. */
  say: (line: string) => void;
}

/** One line of a machine on the same network needs no longer. */
const LINE_TIMEOUT_MS = 10_000;

/** A cluster that starts all at once; who is turned away calls again. */
const LIMITS: ConnectionLimits = { perAddress: 8, total: 1024, quietMs: 1000 };

export class HomeServer {
  /** Where it really listens. */
  readonly port: number;

  private constructor(port: number) {
    this.port = port;
  }

  /** Listens until `signal` fires. Throws `PortTaken`. */
  static async start(options: HomeServerOptions): Promise<HomeServer> {
    const { host, port, signal, onHome } = options;
    signal.throwIfAborted();
    const say = seldom((line) => options.say(`port of reports from own disks: ${line}`));
    const heard = new Set<string>();
    const answer = (line: string, address: string): string => {
      const call = parseHomeLine(line);
      // A clone whose answer got lost calls again.
      const isKnown =
        call !== undefined && (heard.has(call.token) || onHome(call.token, call.text, address));
      if (isKnown) heard.add(call.token);
      return isKnown ? HOME_REPLIES.known : HOME_REPLIES.unknown;
    };
    const server = createServer((socket) => {
      const reply = (line: string): void => {
        socket.end(`${answer(line, plainAddress(socket))}\n`);
      };
      readLine(
        socket,
        guarded(reply, ({ message }) => {
          socket.destroy();
          say('broken', `a call could not be answered: ${message}`);
        }),
      );
    });
    limitConnections(server, { limits: LIMITS, say: (line) => say('limits', line) });
    endWith(server, signal);
    const taken = ', nodes could not report from their own disks; end what uses it';
    return new HomeServer(await listenOn(server, port, host, taken));
  }
}

/** Hands the first line to `take`. Anyone may connect: a long or late line ends it unheard. */
const readLine = (socket: Socket, take: (line: string) => void): void => {
  let text = '';
  const tooLate = setTimeout(() => socket.destroy(), LINE_TIMEOUT_MS);
  socket.once('close', () => clearTimeout(tooLate));
  socket.setEncoding('latin1');
  const hear = (part: string): void => {
    text += part;
    const end = text.indexOf('\n');
    if (end < 0 && text.length < MAX_HOME_LINE_BYTES) return;
    socket.off('data', hear);
    // What else comes is thrown away, so that the end of the connection is seen.
    socket.resume();
    if (end < 0 || end >= MAX_HOME_LINE_BYTES) socket.destroy();
    else take(text.slice(0, end));
  };
  socket.on('data', hear);
};
