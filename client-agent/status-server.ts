/**
 * Port 12345 of a node: whoever connects (with `nc`, or `ka status`) reads
 * `<host> online`, the log so far, and then the log as it grows. Read only: what
 * readers send is thrown away, so the open port gives nobody power over the node.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { PORTS } from '../protocol/constants.ts';
import { type ConnectionLimits, limitConnections } from '../system/connection-limits.ts';
import { guarded } from '../system/guard.ts';
import { NamedError } from '../system/named-error.ts';
import { printable } from '../system/printable.ts';
import { seldom } from '../system/seldom.ts';

/** Log kept for readers who come later: this many lines, and never more bytes than this. */
export const BACKLOG_LINES = 1000;
const BACKLOG_BYTES = 512 * 1024;

/** Readers say nothing and may rest for ever, so the oldest one makes room, however quiet or busy the log is. */
export const READER_LIMITS: ConnectionLimits = { perAddress: 32, total: 256, quietMs: 0 };

/** A reader that was switched off is known to be gone after some of these, in milliseconds. */
const KEEP_ALIVE_MS = 60_000;

/** Nobody has anything to say here: a reader that sends more is let go. */
const MAX_INPUT_BYTES = 64 * 1024;

/** A reader that has this many bytes waiting does not keep up and is let go. */
const MAX_LAG_BYTES = 1024 * 1024;

/** A reader that was let go gets this long to take what is waiting for it, in milliseconds … */
const PARTING_MS = 2000;

/** … unless there are so many of them. */
const MAX_PARTINGS = 64;

export interface StatusServerOptions {
  /** Address to listen on; default: all. */
  host?: string | undefined;
  /** 0 = any free port. Default: 12345. */
  port?: number;
  /** Name of the node until the golden gives it another. */
  hostname: string;
  /** Closes the server when it fires. */
  signal?: AbortSignal | undefined;
}

export class StatusServer {
  readonly #options: StatusServerOptions;
  readonly #server: Server;
  readonly #readers = new Set<Socket>();
  readonly #partings = new Map<Socket, NodeJS.Timeout>();
  #hostname: string;
  #backlog: Buffer[] = [];
  #backlogBytes = 0;
  #dropped = 0;
  readonly #onAbort = (): void => {
    void this.close();
  };

  constructor(options: StatusServerOptions) {
    this.#options = options;
    this.#hostname = options.hostname;
    const say = seldom((line) => this.write(`status port: ${line}`));
    const accept = (socket: Socket): void => this.#accept(socket);
    this.#server = createServer(
      guarded(accept, (error, socket) => {
        socket.destroy();
        say('broken', error.message);
      }),
    );
    limitConnections(this.#server, {
      limits: READER_LIMITS,
      say: (line) => say('limits', line),
      end: (socket, why) => this.#letGo(socket, `${why}, yours is the oldest`),
    });
  }

  /** Port listened on; useful when 0 was asked for. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /**
   * Throws `StatusPortTaken` when the port is in use, or `StatusPortFailed`.
   * A node without its status port can still be cloned: the caller decides.
   */
  async listen(): Promise<void> {
    const { host, port = PORTS.status, signal } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void => {
        const taken = error.code === 'EADDRINUSE';
        const message = taken
          ? `status port ${port} is in use on this machine; choose another one`
          : `status port ${port} cannot be opened: ${error.message}`;
        const code = taken ? 'StatusPortTaken' : 'StatusPortFailed';
        reject(new NamedError(code, message, { cause: error }));
      };
      this.#server.once('error', fail);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', fail);
        resolve();
      });
    });
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) await this.close();
  }

  /** The golden has named this node: readers learn it, later ones are greeted with it. */
  rename(hostname: string): void {
    if (hostname === this.#hostname) return;
    this.write(`${this.#hostname} is now called ${hostname}`);
    this.#hostname = hostname;
  }

  /** Adds one line to the log and gives it to all readers. Never waits for any of them. */
  write(line: string): void {
    const bytes = Buffer.from(`${printable(line)}\n`);
    this.#keep(bytes);
    for (const reader of this.#readers) {
      reader.write(bytes);
      if (reader.writableLength > MAX_LAG_BYTES) {
        this.#letGo(reader, 'you read too slowly, connect again for the rest');
      }
    }
  }

  /** Lets all readers go and frees the port. */
  async close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const reader of this.#readers) this.#letGo(reader, `${this.#hostname} closes`);
    await closed;
  }

  #keep(bytes: Buffer): void {
    this.#backlog.push(bytes);
    this.#backlogBytes += bytes.length;
    while (this.#backlog.length > BACKLOG_LINES || this.#backlogBytes > BACKLOG_BYTES) {
      this.#backlogBytes -= this.#backlog.shift()?.length ?? 0;
      this.#dropped += 1;
    }
  }

  #accept(socket: Socket): void {
    socket.on('close', () => this.#forget(socket));
    // One that has closed its half still gets what is on the way, and no more.
    socket.on('end', () => this.#readers.delete(socket));
    // Read and thrown away: unread input would hide that the reader is gone.
    socket.on('data', () => {
      if (socket.bytesRead > MAX_INPUT_BYTES) socket.destroy();
    });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const cut = this.#dropped > 0 ? `(${this.#dropped} earlier lines are not kept)\n` : '';
    socket.cork();
    socket.write(`${this.#hostname} online\n${cut}`);
    // Each line as it is kept: readers that do not read share its memory.
    for (const bytes of this.#backlog) socket.write(bytes);
    socket.uncork();
    this.#readers.add(socket);
  }

  #letGo(socket: Socket, reason: string): void {
    this.#readers.delete(socket);
    if (this.#partings.has(socket)) return;
    if (this.#partings.size >= MAX_PARTINGS) {
      socket.destroy();
      return;
    }
    socket.end(`(${reason})\n`);
    this.#partings.set(
      socket,
      setTimeout(() => socket.destroy(), PARTING_MS),
    );
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#partings.get(socket));
    this.#partings.delete(socket);
    this.#readers.delete(socket);
  }
}
