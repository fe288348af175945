/** Hears from clones that they run from their own disks (`protocol/home.ts`). */
import { createServer, type Socket } from 'node:net';
import { HOME_REPLIES, MAX_HOME_LINE_BYTES, parseHomeLine } from '../protocol/home.ts';
import { printable } from '../system/printable.ts';
import { endWith, listenOn } from '../system/tcp-server.ts';

export interface HomeServerOptions {
  host: string;
  /** 0 = any free one. */
  port: number;
  /** Closes the port and every connection. */
  signal: AbortSignal;
  /**
   * A clone has called. `text` is its host name and boot id, safe to print;
   * `address` its own. Returns whether the token is known: then the clone calls
   * no more, and this is not called again for it.
   */
  onHome: (token: string, text: string, address: string) => boolean;
}

/** One line of a machine on the same network needs no longer. */
const LINE_TIMEOUT_MS = 10_000;

/** A cluster that starts all at once; more are turned away and call again. */
const MAX_CONNECTIONS = 1024;

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
    const heard = new Set<string>();
    const server = createServer((socket) => {
      const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
      readLine(socket, (line) => {
        const call = parseHomeLine(line);
        // A clone whose answer got lost calls again.
        const isKnown =
          call !== undefined &&
          (heard.has(call.token) || onHome(call.token, printable(call.text), address));
        if (isKnown) heard.add(call.token);
        return isKnown ? HOME_REPLIES.known : HOME_REPLIES.unknown;
      });
    });
    server.maxConnections = MAX_CONNECTIONS;
    endWith(server, signal);
    const taken = ', nodes could not report from their own disks; end what uses it';
    return new HomeServer(await listenOn(server, port, host, taken));
  }
}

/** Answers the first line, then closes. Anyone may connect: a long or late line ends it unanswered. */
const readLine = (socket: Socket, answer: (line: string) => string): void => {
  let text = '';
  const tooLate = setTimeout(() => socket.destroy(), LINE_TIMEOUT_MS);
  socket.once('close', () => clearTimeout(tooLate));
  socket.on('error', () => socket.destroy());
  socket.setEncoding('latin1');
  const hear = (part: string): void => {
    text += part;
    const end = text.indexOf('\n');
    if (end < 0 && text.length < MAX_HOME_LINE_BYTES) return;
    socket.off('data', hear);
    if (end < 0 || end >= MAX_HOME_LINE_BYTES) socket.destroy();
    else socket.end(`${answer(text.slice(0, end))}\n`);
    // What else comes is thrown away, so that the end of the connection is seen.
    socket.resume();
  };
  socket.on('data', hear);
};
