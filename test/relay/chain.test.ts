import { afterEach, describe, expect, test } from '@jest/globals';
import { FRAME_HEADER_BYTES } from '../../protocol/frame.ts';
import type { StreamRecord } from '../../protocol/vouch.ts';
import { type ByteSource, chunkSource } from '../../relay/byte-source.ts';
import { eventually } from '../support/eventually.ts';
import { chunks, expected, someBytes } from './support/bytes.ts';
import { begin, Chain, type ChainOptions } from './support/chain.ts';

let chain: Chain | null = null;

const start = async (options: ChainOptions): Promise<Chain> => {
  chain = new Chain(options);
  await chain.listen();
  return chain;
};

const networks = ['open', 'trusted'] as const;

afterEach(async () => {
  await chain?.close();
  chain = null;
});

const all = (of: Chain): number[] => of.nodes.map(({ number }) => number);

describe.each(networks)('an undisturbed chain in a network that is %s', (network) => {
  test.each([1, 3, 8])('gives %i nodes every stream, byte by byte', async (nodes) => {
    const run = await start({ nodes, network });
    run.order(all(run));
    const sizes = [3_000_000, 0, 1, 5_000_001];
    const digests: string[] = [];
    const vouched: (StreamRecord | null)[] = [];
    for (const [index, size] of sizes.entries()) {
      const sent = await run.origin.send(begin(`s${index}`), someBytes(index, size));
      expect(sent.sentBytes).toBe(size);
      digests.push(sent.digest);
      vouched.push(sent.record);
    }
    await run.origin.finish();
    await run.origin.emptied;
    for (const { result, streams, events } of run.nodes) {
      expect(await result).toBe('finished');
      sizes.forEach((size, index) => {
        expect(streams.get(`s${index}`)).toEqual(expected(index, size));
      });
      expect(events.filter(({ type }) => type === 'trouble')).toEqual([]);
      const ends = events.flatMap((event) =>
        event.type === 'stream' && event.state === 'end' ? [event.digest] : [],
      );
      expect(ends).toEqual(digests);
      const records = events.flatMap((event) => (event.type === 'record' ? [event.record] : []));
      expect(records).toEqual(network === 'open' ? vouched : []);
    }
    if (network === 'trusted') expect(vouched).toEqual(sizes.map(() => null));
    expect(run.originEvents).toEqual([]);
  });

  test('a pass without streams ends for everyone', async () => {
    const run = await start({ nodes: 3, network });
    run.order(all(run));
    await run.origin.finish();
    await run.origin.emptied;
    for (const { result } of run.nodes) expect(await result).toBe('finished');
  });

  test('sizes around the borders of frames, blocks and the ring arrive whole', async () => {
    const ringBytes = 256 * 1024;
    const block = ringBytes / 16;
    const frame = ringBytes / 4;
    const sizes = [block, frame, ringBytes].flatMap((size) => [
      size - FRAME_HEADER_BYTES - 1,
      size - FRAME_HEADER_BYTES,
      size - 1,
      size,
      size + 1,
    ]);
    const run = await start({ nodes: 3, ringBytes, network });
    run.order(all(run));
    for (const [index, size] of sizes.entries()) {
      await run.origin.send(begin(`s${index}`), someBytes(index, size));
    }
    await run.origin.finish();
    for (const { result, streams } of run.nodes) {
      expect(await result).toBe('finished');
      sizes.forEach((size, index) => {
        expect(streams.get(`s${index}`)).toEqual(expected(index, size));
      });
    }
  });

  test('a slow sink with a tiny ring holds the golden back and gets every byte', async () => {
    const ringBytes = 512 * 1024;
    const run = await start({
      nodes: 3,
      network,
      ringBytes,
      sink: (node) => (node === 2 ? { delayMs: 5 } : {}),
    });
    run.order(all(run));
    const size = 12_000_000;
    const sending = run.origin.send(begin('s'), someBytes(1, size));
    let mostAhead = 0;
    const slow = run.node(2).hop;
    const watch = setInterval(() => {
      const { received, drained } = slow.stats();
      mostAhead = Math.max(mostAhead, received - drained);
    }, 20);
    await sending;
    await run.origin.finish();
    for (const { result, streams } of run.nodes) {
      expect(await result).toBe('finished');
      expect(streams.get('s')).toEqual(expected(1, size));
    }
    clearInterval(watch);
    expect(mostAhead).toBeGreaterThan(0);
    expect(mostAhead).toBeLessThanOrEqual(ringBytes + ringBytes / 16);
  });

  test('nothing is produced beyond the ring while nobody takes it', async () => {
    const run = await start({ nodes: 1, ringBytes: 256 * 1024, network });
    const sending = run.origin.send(begin('s'), someBytes(1, 3_000_000));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(run.origin.stats().sent).toBeLessThanOrEqual(256 * 1024 * (1 + 1 / 16));
    run.order([1]);
    await sending;
    await run.origin.finish();
    expect(await run.node(1).result).toBe('finished');
    expect(run.node(1).streams.get('s')).toEqual(expected(1, 3_000_000));
  });
});

describe.each(networks)('failures at the ends in a network that is %s', (network) => {
  test('a failing source reaches every node as an aborted stream', async () => {
    const run = await start({ nodes: 3, network });
    run.order(all(run));
    const failing = function* () {
      yield* chunks(1, 2_000_000);
      throw new Error('read error on /dev/sda3');
    };
    await expect(run.origin.send(begin('s'), chunkSource(failing()))).rejects.toMatchObject({
      code: 'SourceFailed',
    });
    for (const { result, events, streams } of run.nodes) {
      expect(await result).toMatchObject({
        code: 'StreamAborted',
        message: expect.stringContaining('read error on /dev/sda3'),
      });
      expect(events).toContainEqual({
        type: 'stream',
        name: 's',
        state: 'abort',
        kept: true,
        bytes: 2_000_000,
      });
      expect(streams.has('s')).toBe(false);
    }
  });

  test('a source whose exit status is bad at the very end aborts the stream', async () => {
    const run = await start({ nodes: 2, network });
    run.order(all(run));
    const source: ByteSource = {
      pour: async (target) => {
        await someBytes(1, 1000).pour(target);
        throw new Error('tar exited 2');
      },
      destroy: () => undefined,
    };
    await expect(run.origin.send(begin('s'), source)).rejects.toMatchObject({
      code: 'SourceFailed',
    });
    for (const { result } of run.nodes) {
      expect(await result).toMatchObject({ code: 'StreamAborted' });
    }
  });

  test('a sink that fails stops that node only', async () => {
    const run = await start({
      nodes: 4,
      network,
      sink: (node) => (node === 2 ? { failAfter: 1_000_000 } : {}),
    });
    run.order(all(run));
    const size = 8_000_000;
    await run.origin.send(begin('s'), someBytes(1, size));
    await run.origin.finish();
    for (const number of [1, 3, 4]) {
      expect(await run.node(number).result).toBe('finished');
      expect(run.node(number).streams.get('s')).toEqual(expected(1, size));
    }
    expect(await run.node(2).result).toMatchObject({
      code: 'SinkFailed',
      message: expect.stringContaining('No space left on device'),
    });
    const troubles = run.node(2).events.filter((event) => event.type === 'trouble');
    expect(troubles).toMatchObject([{ what: 'sink-failed' }]);
  });

  test('nothing is left open behind a closed chain', async () => {
    const open = (): string[] =>
      process.getActiveResourcesInfo().filter((name) => /^(TCP|Timeout)/.test(name));
    // What the tests before this one closed may take a moment to go.
    await eventually('no sockets of other tests', () => !open().some((name) => /TCP/.test(name)));
    const before = open().length;
    const run = await start({ nodes: 3, network });
    run.order(all(run));
    const sending = run.origin.send(begin('s'), someBytes(1, 20_000_000));
    const sent = sending.catch((error: Error) => error);
    await eventually('the chain is open', () => open().length > before);
    await run.close();
    await sent;
    // A destroyed socket is gone only after the event loop's next turns.
    await eventually('everything is closed', () => open().length <= before);
  });

  test('an aborted pass ends every promise of it', async () => {
    const run = await start({
      nodes: 2,
      network,
      ringBytes: 256 * 1024,
      sink: () => ({ delayMs: 50 }),
    });
    run.order(all(run));
    const sending = run.origin.send(begin('s'), someBytes(1, 50_000_000));
    const sent = sending.catch((error: Error) => error);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await run.close();
    expect(await sent).toMatchObject({ code: 'Aborted' });
    await expect(run.origin.emptied).rejects.toMatchObject({ code: 'Aborted' });
    for (const { result } of run.nodes) expect(await result).toMatchObject({ code: 'Aborted' });
  });
});
