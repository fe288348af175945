/** Who is between two nodes, or has the key of the pass but not that of the link, against what they tell each other. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  ANSWER_BYTES,
  CHALLENGE_BYTES,
  encodeGet,
  GET_BYTES,
  HELLO_BYTES,
} from '../../protocol/link.ts';
import { expected, someBytes } from '../relay/support/bytes.ts';
import { begin, Chain, linkKey } from '../relay/support/chain.ts';
import { eventually } from '../support/eventually.ts';
import { startTampering, type Tampers } from './support/tampering.ts';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const size = 6_000_000;

const startChain = async (nodes: number): Promise<Chain> => {
  const chain = new Chain({ nodes });
  cleanups.push(() => chain.close());
  await chain.listen();
  return chain;
};

/** Three nodes, somebody between the first and the second; all must get everything. */
const runThrough = async (tampers: Tampers): Promise<{ chain: Chain; connections: number }> => {
  const chain = await startChain(3);
  const { host, hop } = chain.node(1);
  const between = await startTampering(() => ({ host, port: hop.port }), tampers);
  cleanups.push(() => between.close());
  chain.order([1, 2, 3], new Map([[2, between]]));
  await chain.origin.send(begin('s'), someBytes(1, size));
  await chain.origin.finish();
  for (const { result, streams } of chain.nodes) {
    expect(await result).toBe('finished');
    expect(streams.get('s')).toEqual(expected(1, size));
  }
  return { chain, connections: between.connections() };
};

const troubles = (chain: Chain, node: number): string[] =>
  chain.node(node).events.flatMap((event) => (event.type === 'trouble' ? [event.message] : []));

/** Changes the byte at an offset of the first connection. */
const changeAt =
  (at: number, to: number) =>
  (bytes: Buffer, offset: number, connection: number): Buffer => {
    if (connection === 1 && at >= offset && at < offset + bytes.length) bytes[at - offset] = to;
    return bytes;
  };

const ACK_BYTES = 1 + 2 * 8 + 16;

describe('somebody between two nodes', () => {
  test('who says that the bytes are gone is not believed: the node asks again', async () => {
    // The last byte of the status: ok becomes gone.
    const { chain, connections } = await runThrough({ down: changeAt(HELLO_BYTES + 7, 1) });
    expect(connections).toBe(2);
    expect(troubles(chain, 2)).toEqual([expect.stringContaining('gave an answer it cannot prove')]);
  });

  test('who acknowledges more than has come ends the link, and nothing is forgotten', async () => {
    const { chain, connections } = await runThrough({ up: changeAt(GET_BYTES + 3, 0x7f) });
    expect(connections).toBe(2);
    expect(troubles(chain, 1)).toEqual([
      expect.stringContaining('acknowledgement without its proof'),
    ]);
  });

  test('who says an acknowledgement again ends the link', async () => {
    let kept: Buffer | null = null;
    const { chain, connections } = await runThrough({
      up: (bytes, offset, connection) => {
        if (connection > 1 || offset < GET_BYTES || bytes.length !== ACK_BYTES) return bytes;
        if (kept !== null) return Buffer.concat([bytes, kept]);
        kept = Buffer.from(bytes);
        return bytes;
      },
    });
    expect(connections).toBe(2);
    expect(troubles(chain, 1)).toEqual([
      expect.stringContaining('acknowledgement without its proof'),
    ]);
  });

  test('who plays back what was said on another connection gets nothing', async () => {
    const chain = await startChain(1);
    let request: Buffer | null = null;
    const between = await startTampering(() => ({ host: '127.0.0.1', port: chain.origin.port }), {
      up: (bytes, offset) => {
        if (offset === 0) request = Buffer.from(bytes);
        return bytes;
      },
    });
    cleanups.push(() => between.close());
    chain.order([1], new Map([[1, between]]));
    await chain.origin.send(begin('s'), someBytes(1, 100_000));
    await eventually('the request was seen', () => request !== null);

    const socket = connect(chain.origin.port, '127.0.0.1');
    cleanups.push(() => {
      socket.destroy();
    });
    let got = 0;
    socket.on('data', (bytes) => {
      if (got === 0 && request !== null) socket.write(request);
      got += bytes.length;
    });
    socket.on('error', () => socket.destroy());
    await new Promise((resolve) => socket.on('close', resolve));
    expect(got).toBe(HELLO_BYTES);
    await chain.origin.finish();
    expect(await chain.node(1).result).toBe('finished');
  });
});

test('who only holds connections open keeps no node from its upstream', async () => {
  const chain = await startChain(2);
  chain.order([1]);
  const { host, hop } = chain.node(1);
  let open = 0;
  const crowd = Array.from({ length: 300 }, () => {
    const socket = connect(hop.port, host, () => {
      open += 1;
    });
    cleanups.push(() => {
      socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      open -= 1;
    });
    socket.resume();
    return socket;
  });
  await eventually(
    'most were hung up on',
    () => crowd.every(({ connecting }) => !connecting) && open <= 64,
    // Who says nothing is hung up on after two seconds anyway.
    1500,
  );
  chain.order([1, 2]);
  await chain.origin.send(begin('s'), someBytes(1, size));
  await chain.origin.finish();
  expect(await chain.node(2).result).toBe('finished');
  expect(troubles(chain, 2)).toEqual([]);
});

describe('a member that is not the other end of a link', () => {
  /** How many bytes a request with this key gets, beside the hello. */
  const ask = async (
    chain: Chain,
    get: { epoch: number; node: number },
    key: string,
  ): Promise<number> => {
    const { host, hop } = chain.node(1);
    const socket = connect(hop.port, host);
    cleanups.push(() => {
      socket.destroy();
    });
    let got = 0;
    socket.on('data', (bytes: Buffer) => {
      if (got === 0) {
        const hello = bytes.subarray(4, HELLO_BYTES);
        const own = Buffer.alloc(CHALLENGE_BYTES, 7);
        const request = { pass: 1, position: 0, ...get };
        socket.write(encodeGet(Buffer.from(key, 'base64'), hello, own, request));
      }
      got += bytes.length;
    });
    socket.on('error', () => socket.destroy());
    await Promise.race([new Promise((resolve) => socket.on('close', resolve)), sleep(500)]);
    return got - HELLO_BYTES;
  };

  test('cannot take its place, and does not disturb it; a key of an order that is over opens nothing', async () => {
    const chain = await startChain(3);
    chain.order([1, 2, 3]);
    const sending = chain.origin.send(begin('s'), someBytes(1, size));
    // Node 3 has its own link's key, and that to the golden's first node was another's.
    for (const key of [linkKey(2, 3), linkKey(0, 1)]) {
      expect(await ask(chain, { epoch: 1, node: 2 }, key)).toBe(0);
      expect(await ask(chain, { epoch: 1, node: 3 }, key)).toBe(0);
      // With an order that nobody gave it is held, and gets nothing.
      expect(await ask(chain, { epoch: 99, node: 2 }, key)).toBe(0);
    }
    await chain.node(2).hop.close();
    chain.order([1, 3]);
    expect(await ask(chain, { epoch: 1, node: 2 }, linkKey(1, 2))).toBe(0);
    expect(await ask(chain, { epoch: 2, node: 3 }, linkKey(1, 2))).toBe(0);
    expect(await ask(chain, { epoch: 2, node: 3 }, linkKey(1, 3))).toBeGreaterThanOrEqual(
      ANSWER_BYTES,
    );
    await sending;
    await chain.origin.finish();
    for (const number of [1, 3]) {
      expect(await chain.node(number).result).toBe('finished');
      expect(chain.node(number).streams.get('s')).toEqual(expected(1, size));
    }
  });
});
