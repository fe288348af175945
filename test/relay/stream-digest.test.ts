/** The thread that sums up streams, and what happens when it cannot. */
import { createHash, randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { streamBinding } from '../../protocol/vouch.ts';
import { DigestThread } from '../../relay/digest-thread.ts';
import { StreamDigest } from '../../relay/stream-digest.ts';
import { eventually } from '../support/eventually.ts';
import { expected, someBytes } from './support/bytes.ts';
import { begin, Chain } from './support/chain.ts';

const MIB = 1024 * 1024;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const threadOn = (ring: Buffer, program?: URL): DigestThread => {
  const thread = new DigestThread(ring, program);
  cleanups.push(() => thread.close());
  return thread;
};

const sharedNoise = (bytes: number): Buffer => {
  const ring = Buffer.from(new SharedArrayBuffer(bytes));
  randomBytes(bytes).copy(ring);
  return ring;
};

const sha256 = (...pieces: Buffer[]): string => {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
};

/** A program in the place of digest-worker.ts that does this when it is asked for something. */
const broken = (does: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ type }) => { if (type !== 'begin') { ${does} } });
    `)}`,
  );
const failed = expect.objectContaining({ code: 'DigestFailed' });

describe('the thread', () => {
  test('sums up one stream after the other, from wherever the bytes lie', async () => {
    const ring = sharedNoise(MIB);
    const thread = threadOn(ring);
    const pieces = [ring.subarray(500_000), ring.subarray(7, 300_000), ring.subarray(5, 6)];
    for (const binding of [Buffer.from('one'), Buffer.from('two')]) {
      thread.begin(binding);
      const taken = pieces.map((piece) => thread.take([piece]));
      await Promise.all(taken);
      expect(await thread.end()).toBe(sha256(binding, ...pieces));
    }
    thread.begin(Buffer.from('nothing'));
    expect(await thread.end()).toBe(sha256(Buffer.from('nothing')));
  });

  test.each([
    ['throws', 'throw new Error("out of memory")'],
    ['exits', 'process.exit(0)'],
    ['fails', 'parentPort.postMessage({ type: "failed", message: "cannot read" })'],
  ])('that %s fails everything it was asked for', async (_name, does) => {
    const ring = sharedNoise(MIB);
    const thread = threadOn(ring, broken(does));
    thread.begin(Buffer.from('one'));
    const asked = [thread.take([ring]), thread.take([ring]), thread.end()];
    for (const { status } of await Promise.allSettled(asked)) expect(status).toBe('rejected');
    await expect(thread.end()).rejects.toEqual(failed);
  });

  test('that answers something else has failed', async () => {
    const thread = threadOn(sharedNoise(MIB), broken('parentPort.postMessage({ type: "taken" })'));
    await expect(thread.end()).rejects.toEqual(failed);
  });

  test('that hangs is ended by closing it', async () => {
    const ring = sharedNoise(MIB);
    const thread = new DigestThread(ring, broken('for (;;);'));
    const asked = thread.take([ring]);
    const rejected = expect(asked).rejects.toEqual(failed);
    await thread.close();
    await rejected;
  });

  test('whose program is not there has failed', async () => {
    const thread = threadOn(sharedNoise(MIB), new URL('./nothing.mjs', import.meta.url));
    await expect(thread.end()).rejects.toEqual(failed);
  });
});

describe('the digest of a stream', () => {
  const digestOn = (ring: Buffer) => {
    const errors: unknown[] = [];
    let moved = 0;
    const handlers = {
      onSummed: () => {
        moved += 1;
      },
      onFailed: (error: unknown) => errors.push(error),
    };
    const digest = new StreamDigest({ thread: threadOn(ring), ringBytes: 16 * MIB }, handlers);
    return { digest, errors, moved: () => moved };
  };

  test('keeps what is not summed up yet, and waits for more before it bothers the thread', async () => {
    const ring = sharedNoise(4 * MIB);
    const { digest, moved } = digestOn(ring);
    digest.begin(Buffer.from('b'));
    expect(digest.floor).toBe(Number.POSITIVE_INFINITY);
    digest.push([ring.subarray(0, 1000)], 1044);
    expect(digest.floor).toBe(44);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(moved()).toBe(0);
    digest.flush();
    await eventually('it is summed up', () => moved() === 1);
    expect(digest.floor).toBe(Number.POSITIVE_INFINITY);
    digest.push([ring.subarray(1000, 1000 + MIB)], 2 * MIB);
    digest.push([ring.subarray(2 * MIB, 3 * MIB)], 3 * MIB + 88);
    expect(digest.floor).toBe(MIB);
    expect(await digest.end()).toBe(
      sha256(
        Buffer.from('b'),
        ring.subarray(0, 1000),
        ring.subarray(1000, 1000 + MIB),
        ring.subarray(2 * MIB, 3 * MIB),
      ),
    );
    expect(digest.floor).toBe(Number.POSITIVE_INFINITY);
  });

  test('of a stream that was given up holds nothing back, and the next one is right', async () => {
    const ring = sharedNoise(4 * MIB);
    const { digest, errors } = digestOn(ring);
    digest.begin(Buffer.from('a'));
    digest.push([ring.subarray(0, MIB)], MIB);
    digest.push([ring.subarray(MIB, MIB + 10)], MIB + 10);
    digest.drop();
    digest.push([ring], 8 * MIB);
    await eventually('nothing is held', () => digest.floor === Number.POSITIVE_INFINITY);
    digest.begin(Buffer.from('b'));
    digest.push([ring.subarray(5, 10)], 10);
    expect(await digest.end()).toBe(sha256(Buffer.from('b'), ring.subarray(5, 10)));
    expect(errors).toEqual([]);
  });
});

test('no two streams have the same binding, wherever their fields are cut', () => {
  const stream = { stream: 1, name: 'ab', kind: 'c', encoding: 'zstd' } as const;
  const all = [
    streamBinding('s', 1, stream),
    streamBinding('s1', 1, stream),
    streamBinding('s', 2, stream),
    streamBinding('s', 1, { ...stream, stream: 2 }),
    streamBinding('s', 1, { ...stream, name: 'a', kind: 'bc' }),
    streamBinding('s', 1, { ...stream, name: 'abc', kind: '' }),
    streamBinding('s', 1, { ...stream, encoding: 'identity' }),
    streamBinding('s', 11, { ...stream, stream: 1 }),
    streamBinding('s', 1, { ...stream, stream: 11 }),
  ].map((binding) => binding.toString('hex'));
  expect(new Set(all).size).toBe(all.length);
});

describe('a chain whose threads fail', () => {
  /** The threads that were told something, in that order. */
  const heard = new Set<Worker>();
  const { postMessage } = Worker.prototype;

  beforeEach(() => {
    heard.clear();
    Worker.prototype.postMessage = function (...args) {
      heard.add(this);
      Reflect.apply(postMessage, this, args);
    };
  });

  afterEach(() => {
    Worker.prototype.postMessage = postMessage;
  });

  const start = async (nodes: number): Promise<Chain> => {
    const chain = new Chain({ nodes });
    cleanups.push(() => chain.close());
    await chain.listen();
    chain.order(chain.nodes.map(({ number }) => number));
    return chain;
  };

  /** The golden's is told first, then those of the nodes in their order. */
  const threadOf = async (place: number): Promise<Worker | undefined> => {
    await eventually('the thread is told of the stream', () => heard.size > place);
    return [...heard][place];
  };

  test('on a node: that one fails and goes on relaying', async () => {
    const chain = await start(3);
    const size = 60_000_000;
    const sending = chain.origin.send(begin('s'), someBytes(1, size));
    await (await threadOf(2))?.terminate();
    await sending;
    await chain.origin.finish();
    for (const number of [1, 3]) {
      expect(await chain.node(number).result).toBe('finished');
      expect(chain.node(number).streams.get('s')).toEqual(expected(1, size));
    }
    expect(await chain.node(2).result).toEqual(failed);
    const events = chain.node(2).events.filter(({ type }) => type === 'trouble');
    expect(events).toMatchObject([{ what: 'sink-failed' }]);
  });

  test('on the golden: nothing is vouched for, and the nodes are told', async () => {
    const chain = await start(2);
    const sending = chain.origin.send(begin('s'), someBytes(1, 200_000_000));
    const sent = expect(sending).rejects.toEqual(failed);
    await (await threadOf(0))?.terminate();
    await sent;
    for (const { result } of chain.nodes) {
      expect(await result).toMatchObject({ code: 'StreamAborted' });
    }
  });
});
