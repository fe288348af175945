/** The downstream side of a hop or of the golden: who may dial, serving it, and what may be forgotten. */
import { createServer, type Server, type Socket } from 'node:net';
import type { LinkPeer } from '../protocol/control.ts';
import type { LinkGet } from '../protocol/link.ts';
import { NamedError } from '../system/named-error.ts';
import { type Admission, DownstreamBook } from './downstream-book.ts';
import { DownstreamLink } from './downstream-link.ts';
import type { Ring } from './ring.ts';
import { HANDSHAKES_MAX, SILENCE_MS } from './tuning.ts';

export interface OutletOptions {
  pass: number;
  listen: { host: string; port: number };
  redundancy: number;
  ring: Ring;
}

/** The link ended; or it is there, and nothing comes over it. */
export type DownstreamTrouble = 'downstream-lost' | 'downstream-silent';

export interface OutletHandlers {
  /** Something is known anew of the nodes behind. */
  onAck(): void;
  onTrouble(what: DownstreamTrouble, message: string, error: NamedError): void;
}

export class Outlet {
  readonly #options: OutletOptions;
  readonly #handlers: OutletHandlers;
  readonly #book: DownstreamBook;
  #opening: Promise<void> = Promise.resolve();
  readonly #server: Server;
  readonly #links = new Set<DownstreamLink>();
  #active: DownstreamLink | null = null;
  #activeNode: number | null = null;
  /** Ticks since the active downstream said anything; counted, so that a stopped process does not blame others. */
  #silentTicks = 0;
  #port = 0;

  constructor(options: OutletOptions, handlers: OutletHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#book = new DownstreamBook(options.redundancy);
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  get port(): number {
    return this.#port;
  }

  get acks(): readonly number[] {
    return this.#book.acks;
  }

  /** Bytes below are no longer needed behind. */
  get floor(): number {
    return this.#book.floor;
  }

  /** Everything verified has been handed to the system for the downstream. */
  get idle(): boolean {
    return this.#active === null || this.#active.sent >= this.#options.ring.verified;
  }

  hasArrived(position: number): boolean {
    return this.#book.hasArrived(position);
  }

  report(received: number): number[] {
    return this.#book.report(received);
  }

  /** Throws `ListenFailed`. */
  listen(): Promise<void> {
    const { host, port } = this.#options.listen;
    this.#opening = new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        reject(
          new NamedError(
            'ListenFailed',
            `data port ${host}:${port} cannot be opened: ${error.message}`,
            { cause: error },
          ),
        );
      };
      this.#server.once('error', failed);
      this.#server.listen(port, host, () => {
        this.#server.off('error', failed);
        const address = this.#server.address();
        if (address !== null && typeof address === 'object') this.#port = address.port;
        resolve();
      });
    });
    return this.#opening;
  }

  order(epoch: number, downstream: LinkPeer | null): void {
    this.#book.order(epoch, downstream, this.#options.ring.oldest);
    if (this.#active !== null && this.#activeNode !== this.#book.node) this.#drop();
    for (const link of [...this.#links]) link.reconsider();
    this.#handlers.onAck();
  }

  /** New bytes are verified. */
  pump(): void {
    this.#active?.pump();
  }

  /** To be called every `tickMs`. */
  tick(tickMs: number): void {
    if (this.#active === null) return;
    this.#silentTicks += 1;
    if (this.#silentTicks < Math.ceil(SILENCE_MS / tickMs)) return;
    this.#silentTicks = 0;
    const message = `node ${this.#activeNode} has not acknowledged anything for ${SILENCE_MS} ms`;
    this.#handlers.onTrouble(
      'downstream-silent',
      message,
      new NamedError('DownstreamSilent', message),
    );
  }

  async close(): Promise<void> {
    this.#active = null;
    for (const link of this.#links) link.destroy();
    this.#links.clear();
    // One that is just being opened would stay open. Whether that failed is said by `listen`.
    await this.#opening.catch(() => undefined);
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #accept(socket: Socket): void {
    const link = new DownstreamLink(socket, this.#options.ring, {
      onGet: (from, get, proves) => this.#answer(from, get, proves),
      onAck: (from, positions) => this.#acknowledged(from, positions),
      onEnd: (from, error) => this.#ended(from, error),
    });
    const unfinished = [...this.#links].filter(({ serving }) => !serving);
    // Whoever dials may wait for nothing: the longest has had the most of its time.
    if (unfinished.length >= HANDSHAKES_MAX) this.#forget(unfinished[0]);
    this.#links.add(link);
  }

  #answer(link: DownstreamLink, get: LinkGet, proves: (key: string) => boolean): Admission {
    const { pass, ring } = this.#options;
    const answer = this.#book.admit(get, proves, { pass, oldest: ring.oldest });
    if (typeof answer === 'string' || answer.status !== 'ok') return answer;
    // The newest link is the one that counts: the old one may be half dead.
    this.#drop();
    this.#active = link;
    this.#activeNode = get.node;
    this.#silentTicks = 0;
    return answer;
  }

  #acknowledged(link: DownstreamLink, positions: readonly number[]): void {
    if (link !== this.#active) return;
    this.#silentTicks = 0;
    this.#book.acknowledge(positions);
    this.#handlers.onAck();
  }

  #ended(link: DownstreamLink, error: NamedError): void {
    this.#links.delete(link);
    if (link !== this.#active) return;
    const node = this.#activeNode;
    this.#active = null;
    this.#handlers.onTrouble('downstream-lost', `node ${node}: ${error.message}`, error);
  }

  #drop(): void {
    if (this.#active === null) return;
    this.#forget(this.#active);
    this.#active = null;
  }

  #forget(link: DownstreamLink | undefined): void {
    if (link === undefined) return;
    link.destroy();
    this.#links.delete(link);
  }
}
