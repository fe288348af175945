/** A chain in one process, over real sockets on 127.0.0.x, with the test in the golden's role. */
import { createHash, type Hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LinkPeer } from '../../../protocol/control.ts';
import type { StreamBegin } from '../../../protocol/frame.ts';
import type { Network } from '../../../protocol/network.ts';
import { Hop, type HopEvent, type Sink } from '../../../relay/hop.ts';
import { Origin } from '../../../relay/origin.ts';

export const key = Buffer.from('0123456789abcdef');

/** Key of the link between two nodes (0 = the golden), as the golden would make one. */
export const linkKey = (upstream: number, downstream: number): string =>
  createHash('sha256').update(`${upstream}>${downstream}`).digest('base64');

/** Who is expected behind a node, with the key of the link to it. */
export const peer = (upstream: number, downstream: number | undefined): LinkPeer | null =>
  downstream === undefined ? null : { node: downstream, key: linkKey(upstream, downstream) };

export interface Received {
  bytes: number;
  sha256: string;
}

/** Keeps size and hash of each stream; `delayMs` per write makes it slow. */
export class MemorySink implements Sink {
  readonly #hash: Hash = createHash('sha256');
  readonly #done: (received: Received) => void;
  readonly #delayMs: number;
  readonly #failAfter: number;
  #bytes = 0;

  constructor(
    done: (received: Received) => void,
    options: { delayMs?: number; failAfter?: number } = {},
  ) {
    this.#done = done;
    this.#delayMs = options.delayMs ?? 0;
    this.#failAfter = options.failAfter ?? Number.POSITIVE_INFINITY;
  }

  async write(chunks: readonly Buffer[]): Promise<void> {
    if (this.#delayMs > 0) await sleep(this.#delayMs);
    // Hashed after the wait: memory that was overwritten meanwhile would show.
    for (const chunk of chunks) {
      this.#hash.update(chunk);
      this.#bytes += chunk.length;
    }
    if (this.#bytes > this.#failAfter) throw new Error('No space left on device');
  }

  async end(): Promise<void> {
    this.#done({ bytes: this.#bytes, sha256: this.#hash.digest('hex') });
  }

  async abort(): Promise<void> {
    await sleep(0);
  }
}

export interface TestNode {
  number: number;
  host: string;
  hop: Hop;
  events: HopEvent[];
  streams: Map<string, Received>;
  /** How the pass ended for it. */
  result: Promise<'finished' | Error>;
}

export const session = 'test';

export interface ChainOptions {
  nodes: number;
  /** Open by default. */
  network?: Network;
  ringBytes?: number;
  redundancy?: number;
  sink?: (node: number) => { delayMs?: number; failAfter?: number };
}

export const begin = (name: string): StreamBegin => ({
  name,
  kind: 'raw',
  encoding: 'identity',
  expectedBytes: null,
});

export class Chain {
  readonly origin: Origin;
  readonly originEvents: HopEvent[] = [];
  readonly nodes: TestNode[] = [];
  readonly #abort = new AbortController();
  #epoch = 0;

  constructor(options: ChainOptions) {
    const common = {
      session,
      pass: 1,
      network: options.network ?? ('open' as const),
      key,
      ringBytes: options.ringBytes ?? 1024 * 1024,
      redundancy: options.redundancy ?? 3,
      signal: this.#abort.signal,
    };
    this.origin = new Origin({ ...common, listen: { host: '127.0.0.1', port: 0 } }, (event) =>
      this.originEvents.push(event),
    );
    for (let number = 1; number <= options.nodes; number += 1) {
      const host = `127.0.0.${number + 1}`;
      const events: HopEvent[] = [];
      const streams = new Map<string, Received>();
      const hop = new Hop(
        {
          ...common,
          node: number,
          listen: { host, port: 0 },
          mostStreams: 100,
          openSink: ({ name, kind }) =>
            kind === 'raw'
              ? new MemorySink((received) => streams.set(name, received), options.sink?.(number))
              : null,
        },
        (event) => events.push(event),
      );
      const result = hop.finished.then(
        () => 'finished' as const,
        (error: Error) => error,
      );
      this.nodes.push({ number, host, hop, events, streams, result });
    }
  }

  node(number: number): TestNode {
    const node = this.nodes[number - 1];
    if (node === undefined) throw new Error(`no node ${number}`);
    return node;
  }

  async listen(): Promise<void> {
    await this.origin.listen();
    for (const { hop } of this.nodes) await hop.listen();
  }

  /** Orders the chain golden → these nodes. `via` replaces the address of a node's upstream. */
  order(numbers: readonly number[], via: Map<number, { host: string; port: number }> = new Map()) {
    this.#epoch += 1;
    const epoch = this.#epoch;
    const first = peer(0, numbers[0]);
    this.origin.serve({ pass: 1, epoch, downstream: first, nodes: numbers.length });
    numbers.forEach((number, index) => {
      const before = numbers[index - 1];
      const link = linkKey(before ?? 0, number);
      const upstream =
        before === undefined
          ? { node: 0, host: '127.0.0.1', port: this.origin.port }
          : { node: before, host: this.node(before).host, port: this.node(before).hop.port };
      this.node(number).hop.follow({
        pass: 1,
        epoch,
        upstream: { ...upstream, key: link, ...via.get(number) },
        downstream: peer(number, numbers[index + 1]),
      });
    });
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all([this.origin.close(), ...this.nodes.map(({ hop }) => hop.close())]);
  }
}
