import { describe, expect, test } from '@jest/globals';
import { ChainKeeper, type NodeReport, STALL_MS } from '../../golden/chain-keeper.ts';

const MIB = 1024 * 1024;
const RING = 64 * MIB;
const place = (node: number) => ({ node, host: `10.0.0.${node}`, port: 1 });

let keys = 0;
const newKey = () => {
  keys += 1;
  return `key ${keys}`;
};

const keeperOf = (
  nodes: number[],
  policy: 'wait' | 'bypass' = 'bypass',
  lastChance: number[] = [],
) =>
  new ChainKeeper({
    pass: 1,
    golden: { node: 0, host: '', port: 1 },
    chain: nodes.map(place),
    ringBytes: RING,
    slow: { policy, share: 0.5 },
    lastChance: new Set(lastChance),
    newKey,
  });

const idle = { upstream: 0, sink: 0, downstream: 0 };

/** Runs the clock; `stateAt` says where each node is, `sentAt` where the golden is. */
const run = (
  keeper: ChainKeeper,
  seconds: number,
  sentAt: (second: number) => number,
  stateAt: (node: number, second: number) => NodeReport | undefined,
): { node: number; why: string; second: number }[] => {
  const out: { node: number; why: string; second: number }[] = [];
  for (let second = 0; second <= seconds; second += 0.25) {
    const now = second * 1000;
    for (const node of keeper.nodes) {
      const report = stateAt(node, second);
      if (report) keeper.report(node, report, now);
    }
    for (const bypass of keeper.tick(sentAt(second), now)) {
      out.push({ ...bypass, second });
      keeper.leave(bypass.node);
    }
  }
  return out;
};

describe('a node that leaves', () => {
  test('only its neighbours get orders, with a new epoch', () => {
    const keeper = keeperOf([1, 2, 3]);
    expect(keeper.begin(0).orders.size).toBe(3);
    const orders = keeper.leave(2);
    expect(orders?.epoch).toBe(2);
    expect(orders?.orders.get(1)).toMatchObject({ epoch: 2, downstream: { node: 3 } });
    expect(orders?.orders.get(3)).toMatchObject({ epoch: 2, upstream: place(1) });
    expect(keeper.leave(2)).toBeUndefined();
  });

  test('each link has a key of its own at both ends, and keeps it until its ends change', () => {
    const keeper = keeperOf([1, 2, 3, 4]);
    const { first, orders } = keeper.begin(0);
    const upKeys = [1, 2, 3, 4].map((node) => orders.get(node)?.upstream.key);
    const downKeys = [1, 2, 3].map((node) => orders.get(node)?.downstream?.key);
    expect(new Set(upKeys).size).toBe(4);
    expect([first?.key, ...downKeys]).toEqual(upKeys);

    const repaired = keeper.leave(2);
    const [one, three] = [1, 3].map((node) => repaired?.orders.get(node));
    expect(repaired?.first).toEqual(first);
    expect(one?.upstream.key).toBe(first?.key);
    expect(upKeys).not.toContain(one?.downstream?.key);
    expect(three?.upstream.key).toBe(one?.downstream?.key);
    // Node 4 gets no order: its link must be what it was.
    expect(three?.downstream).toEqual(orders.get(3)?.downstream);
  });
});

describe('a node that gets nothing', () => {
  test('is bypassed after the time a repair may take, not before', () => {
    const stuck = 10 * MIB;
    const out = run(
      keeperOf([1, 2, 3]),
      8,
      () => 40 * MIB,
      (node) =>
        node === 1
          ? { received: 40 * MIB, drained: 40 * MIB, linked: true, waiting: idle }
          : { received: stuck, drained: stuck, linked: true, waiting: { ...idle, upstream: 1 } },
    );
    expect(out[0]).toMatchObject({ node: 2, why: 'gets no data though there is some' });
    expect(out[0]?.second).toBeGreaterThanOrEqual(STALL_MS / 1000);
    expect(out[0]?.second).toBeLessThan(5);
  });

  test('the second one behind the same upstream puts the blame on the upstream', () => {
    const out = run(
      keeperOf([1, 2, 3]),
      12,
      () => 40 * MIB,
      (node) =>
        node === 1
          ? { received: 40 * MIB, drained: 40 * MIB, linked: true, waiting: idle }
          : { received: MIB, drained: MIB, linked: true, waiting: { ...idle, upstream: 1 } },
    );
    expect(out.map(({ node }) => node).slice(0, 2)).toEqual([2, 1]);
  });

  test('stays while its upstream says nothing to the golden either', () => {
    const out = run(
      keeperOf([1, 2]),
      8,
      () => 40 * MIB,
      (node, second) =>
        node === 1 && second > 1
          ? undefined
          : node === 1
            ? { received: 40 * MIB, drained: 40 * MIB, linked: true, waiting: idle }
            : { received: MIB, drained: MIB, linked: false, waiting: { ...idle, upstream: 1 } },
    );
    expect(out).toEqual([]);
  });

  test('without a link it is bypassed even where there is nothing to get', () => {
    const out = run(
      keeperOf([1, 2]),
      5,
      () => MIB,
      (node) => ({
        received: MIB,
        drained: MIB,
        linked: node === 1,
        waiting: { ...idle, upstream: 1 },
      }),
    );
    expect(out).toMatchObject([{ node: 2 }]);
  });

  test('a complaint is forgotten when data comes again', () => {
    const keeper = keeperOf([1, 2]);
    keeper.complain(2, 'connection lost', 0);
    const out = run(
      keeper,
      6,
      (second) => second * MIB,
      (_, second) => ({
        received: second * MIB,
        drained: second * MIB,
        linked: true,
        waiting: idle,
      }),
    );
    expect(out).toEqual([]);
  });

  test('stays when it got nothing for a moment and is held back by others since', () => {
    const out = run(
      keeperOf([1, 2]),
      8,
      () => 40 * MIB,
      (_, second) => ({
        received: 30 * MIB,
        drained: 30 * MIB,
        linked: true,
        waiting: second < 1 ? { ...idle, upstream: 1 } : { ...idle, downstream: 1 },
      }),
    );
    expect(out).toEqual([]);
  });

  test('waiting for a golden that has nothing is no fault of anybody', () => {
    const out = run(
      keeperOf([1, 2]),
      20,
      () => MIB,
      () => ({ received: MIB, drained: MIB, linked: true, waiting: { ...idle, upstream: 1 } }),
    );
    expect(out).toEqual([]);
  });
});

/** 24 MiB/s until node 2's ring is full, then at its disk's pace. */
const slowDisk = (diskRate: number) => {
  const fullAt = RING / ((24 - diskRate) * MIB);
  const chainAt = (second: number) =>
    second < fullAt ? second * 24 * MIB : fullAt * 24 * MIB + (second - fullAt) * diskRate * MIB;
  return {
    fullAt,
    chainAt,
    stateAt: (node: number, second: number): NodeReport => ({
      received: chainAt(second),
      drained: node === 2 ? Math.min(chainAt(second), second * diskRate * MIB) : chainAt(second),
      linked: true,
      waiting: { ...idle, sink: node === 2 && second > fullAt ? 1 : 0 },
    }),
  };
};

describe('a node that the one before it hears nothing from', () => {
  test('goes; the next time the blame is on the one before', () => {
    const keeper = keeperOf([1, 2, 3]);
    expect(keeper.silent(1, 1, 'silent', 0)).toEqual({ node: 2, why: 'silent' });
    keeper.leave(2);
    expect(keeper.silent(1, 1, 'silent', 0)).toBeUndefined();
    expect(keeper.silent(1, 2, 'silent', 0)).toMatchObject({ node: 1 });
    expect(keeper.silent(3, 2, 'silent', 0)).toBeUndefined();
  });

  test('stays when the one that complains was away itself', () => {
    const keeper = keeperOf([1, 2, 3]);
    const report = { received: MIB, drained: MIB, linked: true, waiting: idle };
    keeper.report(1, report, 0);
    expect(keeper.silent(1, 1, 'silent', 3000)).toBeUndefined();
    keeper.report(1, report, 3100);
    expect(keeper.silent(1, 1, 'silent', 3200)).toBeUndefined();
    for (let at = 3600; at < 7000; at += 500) keeper.report(1, report, at);
    expect(keeper.silent(1, 1, 'silent', 7000)).toEqual({ node: 2, why: 'silent' });
  });

  test('stays when the one that complains was away from the beginning', () => {
    const keeper = keeperOf([1, 2]);
    keeper.begin(0);
    keeper.report(1, { received: MIB, drained: MIB, linked: true, waiting: idle }, 3800);
    expect(keeper.silent(1, 1, 'silent', 3800)).toBeUndefined();
  });

  test('is to blame itself when the golden does not hear it either', () => {
    const keeper = keeperOf([1, 2, 3]);
    const report = { received: MIB, drained: MIB, linked: true, waiting: idle };
    keeper.begin(0);
    for (let at = 500; at < 8000; at += 500) {
      keeper.report(1, report, at);
      if (at < 5000) keeper.report(3, report, at);
    }
    expect(keeper.silent(1, 1, 'silent', 4000)).toEqual({ node: 2, why: 'silent' });
    keeper.leave(2);
    expect(keeper.silent(1, 2, 'silent', 7900)).toEqual({ node: 3, why: 'silent' });
  });

  test('goes when it is the golden that hears nothing', () => {
    const keeper = keeperOf([1, 2]);
    expect(keeper.silent(0, 1, 'silent', 0)).toEqual({ node: 1, why: 'silent' });
  });
});

describe('a node that is much slower than the rest', () => {
  test('is bypassed soon after it begins to hold the others back, with the rates', () => {
    const { chainAt, stateAt, fullAt } = slowDisk(5);
    const out = run(keeperOf([1, 2, 3]), 12, chainAt, stateAt);
    expect(out).toHaveLength(1);
    expect(out[0]).toMatchObject({ node: 2, why: expect.stringMatching(/^disk at 5 MiB\/s/) });
    expect(out[0]?.second).toBeLessThan(fullAt + 2);
  });

  test('is told with the rate it has since it became slow, not with that of its good time', () => {
    const slowFrom = 10;
    const { chainAt, stateAt } = slowDisk(5);
    const level = slowFrom * 20 * MIB;
    const later = (second: number) => Math.max(0, second - slowFrom);
    const out = run(
      keeperOf([1, 2, 3]),
      slowFrom + 12,
      (second) => Math.min(second, slowFrom) * 20 * MIB + chainAt(later(second)),
      (node, second) => {
        const state = stateAt(node, later(second));
        const before = Math.min(second * 20 * MIB, level);
        return {
          ...state,
          received: before + state.received,
          drained: before + state.drained,
        };
      },
    );
    expect(out[0]).toMatchObject({ node: 2, why: expect.stringMatching(/^disk at 5 MiB\/s/) });
  });

  test('stays with --slow wait', () => {
    const { chainAt, stateAt } = slowDisk(5);
    expect(run(keeperOf([1, 2, 3], 'wait'), 12, chainAt, stateAt)).toEqual([]);
  });

  test('stays when this is the last pass it gets', () => {
    const { chainAt, stateAt } = slowDisk(5);
    expect(run(keeperOf([1, 2, 3], 'bypass', [2]), 12, chainAt, stateAt)).toEqual([]);
  });

  test('stays when it is only a little slower', () => {
    const { chainAt, stateAt } = slowDisk(18);
    expect(run(keeperOf([1, 2, 3]), 30, chainAt, stateAt)).toEqual([]);
  });

  test('a golden that fills its ring faster than the line takes it is no reason to bypass anybody', () => {
    const line = (second: number) => second * 20 * MIB;
    const sent = (second: number) => (second === 0 ? 0 : line(second) + RING);
    const out = run(keeperOf([1, 2]), 12, sent, (_, second) => ({
      received: line(second),
      drained: line(second),
      linked: true,
      waiting: { ...idle, upstream: 0.9 },
    }));
    expect(out).toEqual([]);
  });

  test('all disks being slow is nobody’s fault', () => {
    const { chainAt, stateAt } = slowDisk(5);
    const out = run(keeperOf([1, 2, 3]), 20, chainAt, (_, second) => stateAt(2, second));
    expect(out).toEqual([]);
  });

  test('the only node is never slow', () => {
    const { chainAt, stateAt } = slowDisk(5);
    expect(run(keeperOf([2]), 12, chainAt, stateAt)).toEqual([]);
  });

  test('got nothing while the chain was repaired: that is not its own link', () => {
    const keeper = keeperOf([1, 2, 3]);
    keeper.begin(0);
    const line = (second: number) => second * 20 * MIB;
    // Node 2 is dead from 3 s on, and out at 6 s.
    const behindIt = (second: number) =>
      line(Math.min(second, 3)) + Math.max(0, second - 6) * 15 * MIB;
    const out: string[] = [];
    for (let second = 0.25; second < 12; second += 0.25) {
      for (const { why } of keeper.tick(line(second), second * 1000)) out.push(why);
      if (second === 6) keeper.leave(2);
      for (const node of second % 0.5 === 0 ? keeper.nodes : []) {
        const received = node === 1 ? line(second) : behindIt(second);
        const waiting = { ...idle, upstream: 0.9 };
        const report = { received, drained: received, linked: true, waiting };
        if (node !== 2 || second < 3) keeper.report(node, report, second * 1000);
      }
    }
    expect(out).toEqual([]);
  });

  test('gets nothing from a node that is not heard: that is not its own link', () => {
    const keeper = keeperOf([1, 2, 3]);
    keeper.begin(0);
    const out = run(
      keeper,
      6,
      (second) => Math.min(second, 3) * 24 * MIB,
      (node, second) => {
        if (node === 1 && second > 2) return undefined;
        const behind = node === 1 ? 0 : 16;
        const received = Math.max(0, Math.min(second, 2) * 24 - behind) * MIB;
        return { received, drained: received, linked: true, waiting: { ...idle, upstream: 0.5 } };
      },
    );
    expect(out.map(({ node }) => node)).not.toContain(2);
  });

  test('a slow link is told apart from a slow disk', () => {
    const upstreamAt = (second: number) => Math.min(second * 24 * MIB, RING + second * 3 * MIB);
    const out = run(keeperOf([1, 2]), 12, upstreamAt, (node, second) => {
      const received = node === 1 ? upstreamAt(second) : second * 3 * MIB;
      const upstream = node === 1 ? 0 : 0.8;
      return { received, drained: received, linked: true, waiting: { ...idle, upstream } };
    });
    expect(out[0]).toMatchObject({ node: 2, why: expect.stringMatching(/^link at 3 MiB\/s/) });
  });

  test('a node without a link is not slow: it has the time a repair may take', () => {
    const upstreamAt = (second: number) => second * 24 * MIB;
    const lost = 3;
    const out = run(keeperOf([1, 2]), 12, upstreamAt, (node, second) => {
      const linked = node === 1 || second < lost;
      const received = upstreamAt(linked ? second : lost);
      return { received, drained: received, linked, waiting: { ...idle, upstream: 0 } };
    });
    expect(out[0]).toMatchObject({ node: 2, why: 'gets no data though there is some' });
    expect(out[0]?.second).toBeGreaterThanOrEqual(lost + STALL_MS / 1000);
  });
});
