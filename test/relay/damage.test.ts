import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { FRAME_HEADER_BYTES } from '../../protocol/frame.ts';
import {
  ANSWER_BYTES,
  CHALLENGE_BYTES,
  decodeAnswer,
  encodeGet,
  GET_BYTES,
  HELLO_BYTES,
  type LinkGet,
} from '../../protocol/link.ts';
import type { Network } from '../../protocol/network.ts';
import { expected, someBytes } from './support/bytes.ts';
import { begin, Chain, type ChainOptions, linkKey } from './support/chain.ts';

const size = 6_000_000;
let chain: Chain | null = null;
const cleanups: (() => void)[] = [];

const start = async (options: ChainOptions): Promise<Chain> => {
  chain = new Chain(options);
  await chain.listen();
  return chain;
};

afterEach(async () => {
  await chain?.close();
  chain = null;
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Stands between a node and its upstream and may change what comes down on the n-th connection. */
const proxy = async (
  port: () => number,
  host: string,
  change: (bytes: Buffer, offset: number, connection: number, down: Socket) => Buffer,
): Promise<{ host: string; port: number; connections: () => number }> => {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((down) => {
    connections += 1;
    const connection = connections;
    let offset = 0;
    const up = connect(port(), host);
    for (const socket of [up, down]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    up.on('data', (bytes) => {
      const changed = change(Buffer.from(bytes), offset, connection, down);
      offset += bytes.length;
      if (!down.destroyed) down.write(changed);
    });
    down.on('data', (bytes) => up.write(bytes));
    up.on('close', () => down.destroy());
    down.on('close', () => up.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.99', resolve);
  });
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { host: '127.0.0.99', port: address.port, connections: () => connections };
};

/** Flips one bit at `at`, counted from the first byte of the link. */
const flip = (bytes: Buffer, offset: number, at: number): Buffer => {
  const index = at - offset;
  if (index < 0 || index >= bytes.length) return bytes;
  const changed = Buffer.from(bytes);
  changed[index] = (changed[index] ?? 0) ^ 1;
  return changed;
};

/** Hello and answer come before the frames. */
const FRAMES = HELLO_BYTES + ANSWER_BYTES;

const runThrough = async (
  network: Network,
  change: (bytes: Buffer, offset: number, connection: number, down: Socket) => Buffer,
): Promise<{ run: Chain; connections: number }> => {
  const run = await start({ nodes: 3, network });
  const between = await proxy(() => run.node(1).hop.port, run.node(1).host, change);
  run.order([1, 2, 3], new Map([[2, between]]));
  await run.origin.send(begin('s'), someBytes(1, size));
  await run.origin.finish();
  for (const { result, streams } of run.nodes) {
    expect(await result).toBe('finished');
    expect(streams.get('s')).toEqual(expected(1, size));
  }
  return { run, connections: between.connections() };
};

const troubles = (run: Chain, number: number): string[] =>
  run.node(number).events.flatMap((event) => (event.type === 'trouble' ? [event.what] : []));

describe.each(['open', 'trusted'] as const)(
  'damage on a link in a network that is %s',
  (network) => {
    test.each([
      ['the magic', 0],
      ['the type', 5],
      ['the payload length', 8],
      ['the pass', 12],
      ['the position', 23],
      ['the tag', 30],
      ['a payload', 1_000_000],
    ])('a flipped bit in %s is found and fetched again', async (_name, at) => {
      const { run, connections } = await runThrough(network, (bytes, offset, connection) =>
        connection === 1 ? flip(bytes, offset, FRAMES + at) : bytes,
      );
      expect(connections).toBe(2);
      expect(troubles(run, 2)).toEqual([]);
      expect(troubles(run, 3)).toEqual([]);
    });

    test('a frame that trickles in for longer than a dead link is given is no damage', async () => {
      const run = await start({ nodes: 1, network });
      const bytes = 300_000;
      const waiting: Buffer[] = [];
      const trickle = (down: Socket): void => {
        const timer = setInterval(() => {
          const all = Buffer.concat(waiting.splice(0));
          down.write(all.subarray(0, 10_000));
          waiting.push(all.subarray(10_000));
        }, 100);
        cleanups.push(() => clearInterval(timer));
      };
      const between = await proxy(
        () => run.origin.port,
        '127.0.0.1',
        (piece, offset, _connection, down) => {
          if (offset === 0) trickle(down);
          waiting.push(piece);
          return Buffer.alloc(0);
        },
      );
      run.order([1], new Map([[1, between]]));
      // What a node expects of a long stream: one frame holds all of this.
      const long = { ...begin('s'), expectedBytes: 2 ** 30 };
      await run.origin.send(long, someBytes(1, bytes));
      await run.origin.finish();
      const [node] = run.nodes;
      expect(await node?.result).toBe('finished');
      expect(node?.streams.get('s')).toEqual(expected(1, bytes));
      expect(between.connections()).toBe(1);
    });

    test('a length made larger just before the source pauses does not hang', async () => {
      const run = await start({ nodes: 1, network });
      const between = await proxy(
        () => run.origin.port,
        '127.0.0.1',
        // The very last frame, CLOSE: its length becomes 65536.
        (bytes, _offset, connection) => {
          const close = bytes.length - FRAME_HEADER_BYTES;
          if (connection > 1 || close < 0 || bytes[close + 5] !== 5) return bytes;
          if (bytes.toString('latin1', close, close + 4) !== 'KAF1') return bytes;
          const changed = Buffer.from(bytes);
          changed[close + 9] = 1;
          return changed;
        },
      );
      run.order([1], new Map([[1, between]]));
      await run.origin.send(begin('s'), someBytes(1, 100_000));
      await run.origin.finish();
      expect(await run.node(1).result).toBe('finished');
      expect(between.connections()).toBe(2);
    });

    test('a link cut within a frame goes on where the last good frame ended', async () => {
      const { connections } = await runThrough(network, (bytes, offset, connection, down) => {
        if (connection === 1 && offset + bytes.length > 2_000_123) down.destroy();
        return bytes;
      });
      expect(connections).toBe(2);
    });

    test('bytes sent twice are refused and fetched again', async () => {
      let doubled = false;
      const { connections } = await runThrough(network, (bytes, offset) => {
        if (doubled || offset < 1_000_000) return bytes;
        doubled = true;
        return Buffer.concat([bytes, bytes]);
      });
      expect(connections).toBe(2);
    });

    test('damage that comes back at the same place is reported, and others wait unharmed', async () => {
      const run = await start({ nodes: 2, network });
      let broken = true;
      const between = await proxy(
        () => run.node(1).hop.port,
        run.node(1).host,
        (bytes, offset) => (broken ? flip(bytes, offset, FRAMES + 20) : bytes),
      );
      run.order([1, 2], new Map([[2, between]]));
      const sending = run.origin.send(begin('s'), someBytes(1, 200_000));
      await sending;
      await run.origin.finish();
      await sleep(500);
      expect(troubles(run, 2)).toEqual(['damaged']);
      expect(run.node(2).hop.stats().received).toBe(0);
      broken = false;
      expect(await run.node(2).result).toBe('finished');
    });
  },
);

describe('links of strangers', () => {
  /** Dials the golden by hand; resolves with what is answered, null when it hangs up instead. */
  const dial = async (port: number, asked: LinkGet, withKey: string) => {
    const socket = connect(port, '127.0.0.1');
    cleanups.push(() => socket.destroy());
    const key = Buffer.from(withKey, 'base64');
    let got = Buffer.alloc(0);
    let request: Buffer | null = null;
    const hello = () => got.subarray(4, HELLO_BYTES);
    return new Promise<ReturnType<typeof decodeAnswer>>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('data', (bytes) => {
        got = Buffer.concat([got, Buffer.from(bytes)]);
        if (request === null && got.length >= HELLO_BYTES) {
          request = encodeGet(key, hello(), Buffer.alloc(CHALLENGE_BYTES, 5), asked);
          socket.write(request);
        }
        if (request === null || got.length < HELLO_BYTES + ANSWER_BYTES) return;
        resolve(decodeAnswer(key, hello(), request, got.subarray(HELLO_BYTES)));
      });
      socket.on('close', () => {
        if (got.length === HELLO_BYTES) resolve(null);
        else reject(new Error(`${got.length} bytes before it hung up`));
      });
    });
  };

  test.each([
    ['another key', { pass: 1, epoch: 1, node: 1, position: 0 }, linkKey(7, 7)],
    ['another pass', { pass: 2, epoch: 5, node: 1, position: 0 }, linkKey(0, 1)],
    ['an old order', { pass: 1, epoch: 0, node: 2, position: 0 }, linkKey(0, 2)],
    ['a node that is not the next', { pass: 1, epoch: 1, node: 2, position: 0 }, linkKey(0, 2)],
    ['an order nobody gave', { pass: 1, epoch: 99, node: 1, position: 0 }, linkKey(7, 7)],
  ])('%s is declined and gets no frames', async (_name, asked, withKey) => {
    const run = await start({ nodes: 1 });
    run.order([1]);
    await run.origin.send(begin('s'), someBytes(1, 100_000));
    expect(await dial(run.origin.port, asked, withKey)).toBeNull();
    await run.origin.finish();
    expect(await run.node(1).result).toBe('finished');
    expect(run.originEvents).toEqual([]);
  });

  test('a peer that says nothing, or nonsense, does not disturb the pass', async () => {
    const run = await start({ nodes: 1 });
    const silent = connect(run.origin.port, '127.0.0.1');
    const noisy = connect(run.origin.port, '127.0.0.1', () => noisy.write(Buffer.alloc(4096, 'x')));
    for (const socket of [silent, noisy]) {
      cleanups.push(() => socket.destroy());
      socket.on('error', () => socket.destroy());
    }
    run.order([1]);
    await run.origin.send(begin('s'), someBytes(1, 100_000));
    await run.origin.finish();
    expect(await run.node(1).result).toBe('finished');
  });

  test('a request that goes on before it is answered ends its link', async () => {
    const run = await start({ nodes: 1 });
    const socket = connect(run.origin.port, '127.0.0.1');
    cleanups.push(() => socket.destroy());
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => socket.destroy());
    socket.resume();
    // Nobody has an order yet: a request would be held.
    socket.write(Buffer.concat([Buffer.from('KAL1'), Buffer.alloc(GET_BYTES)]));
    await closed;
  });

  test('a node that knows a newer order than its upstream is answered as soon as that has it', async () => {
    const run = await start({ nodes: 2 });
    run.order([1]);
    const asked = { pass: 1, epoch: 9, node: 2, position: 0 };
    let answer: unknown = 'none';
    const dialled = dial(run.origin.port, asked, linkKey(0, 2)).then((got) => {
      answer = got;
    });
    await sleep(300);
    expect(answer).toBe('none');
    run.origin.serve({
      pass: 1,
      epoch: 9,
      downstream: { node: 2, key: linkKey(0, 2) },
      nodes: 1,
    });
    await dialled;
    expect(answer).toEqual({ status: 'ok', position: 0 });
  });
});
