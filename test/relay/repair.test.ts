import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { expected, someBytes } from './support/bytes.ts';
import { begin, Chain, type ChainOptions, linkKey, peer } from './support/chain.ts';

let chain: Chain | null = null;

const start = async (options: ChainOptions): Promise<Chain> => {
  chain = new Chain(options);
  await chain.listen();
  return chain;
};

afterEach(async () => {
  await chain?.close();
  chain = null;
});

const size = 16_000_000;

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(5);
};

const expectWhole = async (run: Chain, numbers: readonly number[]): Promise<void> => {
  for (const number of numbers) {
    expect(await run.node(number).result).toBe('finished');
    expect(run.node(number).streams.get('s')).toEqual(expected(1, size));
  }
};

const without = (nodes: number, gone: readonly number[]): number[] =>
  Array.from({ length: nodes }, (_, index) => index + 1).filter((n) => !gone.includes(n));

describe('nodes that go away in mid-stream', () => {
  test.each([
    ['first', [1]],
    ['middle', [3]],
    ['last', [5]],
    ['two neighbours', [2, 3]],
    ['three scattered', [1, 3, 5]],
  ])('%s: the others lose nothing', async (_name, gone) => {
    const run = await start({ nodes: 5 });
    run.order([1, 2, 3, 4, 5]);
    const sending = run.origin.send(begin('s'), someBytes(1, size));
    await until(() => run.node(5).hop.stats().received > size / 3);
    for (const number of gone) await run.node(number).hop.close();
    const left = without(5, gone);
    run.order(left);
    await sending;
    await run.origin.finish();
    await run.origin.emptied;
    await expectWhole(run, left);
  });

  test('the loss is reported once by the neighbours on both sides', async () => {
    const run = await start({ nodes: 3 });
    run.order([1, 2, 3]);
    const sending = run.origin.send(begin('s'), someBytes(1, size));
    await until(() => run.node(3).hop.stats().received > size / 3);
    await run.node(2).hop.close();
    await sleep(700);
    const troubles = (number: number): string[] =>
      run.node(number).events.flatMap((event) => (event.type === 'trouble' ? [event.what] : []));
    expect(troubles(1)).toEqual(['downstream-lost']);
    expect(troubles(3)).toEqual(['upstream-lost']);
    run.order([1, 3]);
    await sending;
    await run.origin.finish();
    await expectWhole(run, [1, 3]);
  });

  test('one node after the other until one is left', async () => {
    const run = await start({ nodes: 5, sink: () => ({ delayMs: 2 }) });
    run.order([1, 2, 3, 4, 5]);
    const sending = run.origin.send(begin('s'), someBytes(1, size));
    const gone: number[] = [];
    for (const number of [2, 1, 4, 5]) {
      const level = run.node(3).hop.stats().received + size / 8;
      await until(() => run.node(3).hop.stats().received > level);
      await run.node(number).hop.close();
      gone.push(number);
      run.order(without(5, gone));
    }
    await sending;
    await run.origin.finish();
    await expectWhole(run, [3]);
  });
});

describe('nodes that go away in the tail', () => {
  test.each([
    ['first', [1]],
    ['middle', [2]],
    ['two neighbours', [1, 2]],
  ])('%s: what is still in the rings reaches the rest', async (_name, gone) => {
    // The last node is so slow that its ring is full when the source has ended.
    const run = await start({
      nodes: 4,
      ringBytes: 1024 * 1024,
      sink: (node) => (node === 4 ? { delayMs: 20 } : {}),
    });
    run.order([1, 2, 3, 4]);
    const sending = run.origin.send(begin('s'), someBytes(1, size));
    await sending;
    await run.origin.finish();
    for (const number of gone) await run.node(number).hop.close();
    const left = without(4, gone);
    run.order(left);
    await run.origin.emptied;
    await expectWhole(run, left);
  });

  test('a finished node still serves whoever is attached to it later', async () => {
    const run = await start({ nodes: 3, ringBytes: 64 * 1024 * 1024 });
    // Node 2 is expected but never comes: node 1 must keep everything.
    run.node(1).hop.follow({
      pass: 1,
      epoch: 0,
      upstream: { node: 0, host: '127.0.0.1', port: run.origin.port, key: linkKey(0, 1) },
      downstream: peer(1, 2),
    });
    run.origin.serve({ pass: 1, epoch: 0, downstream: peer(0, 1), nodes: 1 });
    await run.origin.send(begin('s'), someBytes(1, size));
    await run.origin.finish();
    await run.origin.emptied;
    run.order([1, 3]);
    await expectWhole(run, [1, 3]);
  });
});

describe('positions that are no longer kept', () => {
  test('more than k neighbours at once: the rest is told that it is gone', async () => {
    const run = await start({ nodes: 4, redundancy: 1, ringBytes: 256 * 1024 });
    // Node 4 stalls at the start; with k = 1 the others run away from it.
    run.order([1, 2, 3]);
    const sending = run.origin.send(begin('s'), someBytes(1, size));
    await until(() => run.node(3).hop.stats().received > size / 4);
    run.order([1, 2, 3, 4]);
    expect(await run.node(4).result).toMatchObject({ code: 'PositionGone' });
    expect(run.node(4).events).toMatchObject([{ type: 'trouble', what: 'gone' }]);
    run.order([1, 2, 3]);
    await sending;
    await run.origin.finish();
    await expectWhole(run, [1, 2, 3]);
  });
});
