/** A chain that runs: strangers at its data ports, and somebody between two nodes. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import {
  ANSWER_BYTES,
  CHALLENGE_BYTES,
  encodeAnswer,
  encodeGet,
  encodeHello,
  GET_BYTES,
  HELLO_BYTES,
} from '../../../protocol/link.ts';
import { startTampering, type Tampering } from '../../attacks/support/tampering.ts';
import { expected, someBytes } from '../../relay/support/bytes.ts';
import { begin, Chain, linkKey } from '../../relay/support/chain.ts';
import { bytesLike } from '../hostile.ts';
import { living, mustBe, same } from '../target.ts';
import { Health } from './support/health.ts';
import { ending, type Piece, strangerAddress, visit } from './support/visit.ts';
import { within } from './support/within.ts';

const challenge = Buffer.alloc(CHALLENGE_BYTES, 7);
const OTHER_KEY = Buffer.from(linkKey(7, 8), 'base64');
const someGet = { pass: 1, epoch: 1, node: 1, position: 0 };
const get = encodeGet(OTHER_KEY, challenge, challenge, someGet);
const answer = encodeAnswer(OTHER_KEY, challenge, get, { status: 'ok', position: 0 });

/** A request with a proof of this very connection, by a key that is not that of the link. */
const proved: fc.Arbitrary<Piece> = fc
  .record({
    pass: fc.constantFrom(1, 0, 2, 2 ** 32 - 1),
    epoch: fc.constantFrom(1, 0, 2, 99, 2 ** 32 - 1),
    node: fc.constantFrom(1, 2, 0, 3, 2 ** 32 - 1),
    position: fc.constantFrom(0, 1, 1_000_000, 2 ** 53 - 1),
    key: fc.constantFrom(linkKey(7, 8), linkKey(2, 1), linkKey(1, 1)),
  })
  .map(({ key, ...asked }) => (heard: Buffer) => {
    const hello = heard.subarray(4, HELLO_BYTES);
    return encodeGet(Buffer.from(key, 'base64'), hello, challenge, asked);
  });

const stranger = fc.record({
  port: fc.nat({ max: 2 }),
  says: fc.array(
    fc.oneof(
      { weight: 2, arbitrary: proved },
      { weight: 3, arbitrary: bytesLike(get, encodeHello(challenge), answer) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    ),
    { maxLength: 3 },
  ),
  ending,
});

/** A byte that somebody between two nodes changes. */
const change = fc.record({
  way: fc.constantFrom('down' as const, 'up' as const),
  /** In what comes in one piece. */
  at: fc.oneof(fc.nat({ max: ANSWER_BYTES + GET_BYTES }), fc.nat({ max: 100_000 })),
  by: fc.integer({ min: 1, max: 255 }),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

const input = fc.record({
  strangers: fc.array(stranger, { minLength: 1, maxLength: 4 }),
  change: fc.oneof(
    { weight: 9, arbitrary: fc.constant(null) },
    // Each costs a link, and the time to dial again.
    { weight: 1, arbitrary: change },
  ),
  bytes: fc.oneof(fc.nat({ max: 300 }), fc.constant(300_000)),
});
type Case = typeof input extends fc.Arbitrary<infer T> ? T : never;

const NODES = 2;
/** Streams of one pass. */
const STREAMS = 50;
/** A stream of this size takes some milliseconds; a link that is dialled again a second or two. */
const ARRIVES_MS = 10_000;

/** A pass that runs. */
interface Running {
  chain: Chain;
  between: Tampering;
  streams: number;
}

class DataPorts {
  readonly input = input;
  #health: Health | undefined;
  #running: Running | undefined;
  #change: Change | null = null;
  #callers = 0;

  async holds({ strangers, change: next, bytes }: Case): Promise<void> {
    const running = await this.#pass();
    const { chain } = running;
    running.streams += 1;
    const name = `stream ${running.streams}`;
    this.#change = next;
    const hosts = [{ host: '127.0.0.1', port: chain.origin.port }].concat(
      chain.nodes.map(({ host, hop }) => ({ host, port: hop.port })),
    );
    const calls = strangers.map(({ port, says, ending: how }) => {
      this.#callers += 1;
      const to = hosts[port] ?? { host: '127.0.0.1', port: chain.origin.port };
      return visit({ to, from: strangerAddress(this.#callers) }, says, how);
    });
    const sending = chain.origin.send(begin(name), someBytes(running.streams, bytes));
    const answers = await Promise.all(calls);
    const longest = Math.max(...answers.map(({ length }) => length));
    mustBe(longest <= HELLO_BYTES, `a stranger got ${longest} bytes`);
    await within(ARRIVES_MS, 'it is sent', sending);
    for (const { number, streams, events } of chain.nodes) {
      const arrives = this.#arrives(streams, name);
      await within(ARRIVES_MS, `it arrives at node ${number}`, arrives).catch((cause: Error) => {
        throw new Error(`${cause.message}; ${JSON.stringify(events.slice(-5))}`, { cause });
      });
      same(
        streams.get(name),
        expected(running.streams, bytes),
        `node ${number} got something else`,
      );
      streams.delete(name);
    }
    await this.#health?.check();
  }

  async #arrives(streams: ReadonlyMap<string, unknown>, name: string): Promise<void> {
    const until = performance.now() + ARRIVES_MS;
    while (!streams.has(name) && performance.now() < until) await sleep(1);
  }

  async #pass(): Promise<Running> {
    if (this.#running && this.#running.streams >= STREAMS) await this.#end();
    if (this.#running) return this.#running;
    const chain = new Chain({ nodes: NODES });
    await chain.listen();
    const { host, hop } = chain.node(1);
    const spoil =
      (way: Change['way']) =>
      (bytes: Buffer): Buffer =>
        this.#spoil(way, bytes);
    const between = await startTampering(() => ({ host, port: hop.port }), {
      down: spoil('down'),
      up: spoil('up'),
    });
    chain.order([1, 2], new Map([[2, between]]));
    this.#running = { chain, between, streams: 0 };
    // A pass has threads, and these have files of their own.
    this.#health ??= new Health();
    return this.#running;
  }

  /** Once for a case. */
  #spoil(way: Change['way'], bytes: Buffer): Buffer {
    const wanted = this.#change;
    if (wanted?.way !== way || bytes.length === 0) return bytes;
    const at = wanted.at % bytes.length;
    this.#change = null;
    bytes[at] = (bytes[at] ?? 0) ^ wanted.by;
    return bytes;
  }

  async #end(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (!running) return;
    const { chain, between } = running;
    this.#change = null;
    try {
      await within(ARRIVES_MS, 'the pass ends', chain.origin.finish());
      for (const { number, result } of chain.nodes) {
        const how = await within(ARRIVES_MS, `node ${number} ends`, result);
        if (how !== 'finished') throw how;
      }
    } finally {
      between.close();
      await chain.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#end();
    } finally {
      this.#health?.[Symbol.dispose]();
    }
  }
}

export const dataPorts = living('data ports', async () => new DataPorts());
