import { describe, expect, test } from '@jest/globals';
import type { SessionEvent } from '../../protocol/events.ts';
import { frameLines, JOIN } from './frame.tsx';
import { at, GIB, inTransfer, node, open, progress, T0, wholeSession } from './session-events.ts';

const NOW = T0 + 212_000;

/** `count` nodes in one chain; each 60th is out. */
const manyNodes = (count: number): SessionEvent[] => {
  const order = Array.from({ length: count }, (_, index) => index + 1);
  const well = order.filter((number) => number % 60 !== 0);
  return [
    open(0, count),
    ...order.map((number) => node(1, number, 'waiting', undefined, 3)),
    at(2, { kind: 'session', state: 'started', name: 'lab', address: '10.0.1.42', wanted: count }),
    at(3, { kind: 'chain', pass: 1, epoch: 1, order }),
    at(3, {
      kind: 'pass',
      pass: 1,
      of: 1,
      state: 'start',
      nodes: order,
      expectedBytes: 2 * GIB,
      encoding: 'zstd',
    }),
    ...well.map((number) => node(4, number, 'receiving', undefined, 3)),
    ...order
      .filter((number) => number % 60 === 0)
      .map((number) => node(5, number, 'bypassed', 'no heartbeat for 3 s', 3)),
    at(6, { kind: 'chain', pass: 1, epoch: 2, order: well }),
    progress(10, 300, Object.fromEntries(well.map((number) => [number, 1])), 'golden: reading'),
  ];
};

const sizes = [
  [80, 24],
  [100, 24],
  [120, 40],
  [60, 14],
] as const;

describe('the board', () => {
  test.each(sizes)('fills %d×%d exactly and no line is longer', async (columns, rows) => {
    for (const events of [inTransfer(), wholeSession(), manyNodes(200), [open(0, 3)]]) {
      const lines = await frameLines(events, columns, rows, NOW);
      expect(lines).toHaveLength(rows);
      for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns);
    }
  });

  test('says that the chain is measured as long as no pass has started', async () => {
    const events: SessionEvent[] = [
      open(0, 1),
      node(1, 1, 'waiting'),
      at(2, { kind: 'session', state: 'started', name: 'lab', address: '10.0.1.42', wanted: 1 }),
      node(3, 1, 'receiving'),
      at(3, { kind: 'chain', pass: 1, epoch: 1, order: [1] }),
    ];
    const lines = await frameLines(events, 80, 24, NOW);
    expect(lines[0]).toContain('· measuring the chain');
    expect(lines[1]).toContain('1 node in the chain');
    expect(lines.join('\n')).toMatch(/node01 +▸ receiving +in the chain, which is being measured/);
  });

  test('at 80×24 answers how long, how much, what limits, who is out and why', async () => {
    const lines = await frameLines(inTransfer(), 80, 24, NOW);
    expect(lines[0]).toMatch(
      /^ ka · lab-24 · open network · pass 1 of 1 · files \/ +00:03:12 {2}ETA 00:01:40$/,
    );
    expect(lines[1]).toMatch(/^ █+\S? +1\.24 of 1\.91 GiB/);
    expect(lines[2]).toContain('line 112 MiB/s · limited by node02: disk 109 MiB/s');
    expect(lines[4]).toBe(' golden ▸ node01 ▸ node02 ▸ node03   ✗ node04 bypassed, joins pass 2');
    const row = (name: string) => lines.find((line) => line.includes(` ${name} `)) ?? '';
    expect(lines.slice(7, 11).map((line) => line.slice(1, 11))).toEqual([
      '  1 node01',
      '  2 node02',
      '  3 node03',
      '  – node04',
    ]);
    expect(lines[8]).toMatch(/node02 ◂ ▸ receive \/ .* 64 % +109 +4\.1 MiB {2}slowest: disk$/);
    expect(lines[10]).toContain('✗ bypassed       joins pass 2; no heartbeat for 3 s');
    expect(row('chain whole again, nothing')).not.toBe('');
    expect(lines.at(-1)).toBe(' ↑↓ select  l log  / filter  q stop  ? help');
  });

  test('at 120×40 shows addresses and the whole of line 3 as well', async () => {
    const lines = await frameLines(inTransfer(), 120, 40, NOW);
    expect(lines[2]).toBe(
      ' line 112 MiB/s · limited by node02: disk 109 MiB/s · delivered 231 MiB/s (zstd 2.1×)',
    );
    expect(lines.filter((line) => /10\.0\.1\.10[1-4] /.test(line))).toHaveLength(4);
  });

  test('while waiting says who is here, who is not, and how a node finds it', async () => {
    const lines = await frameLines(
      [open(0, 3), node(5, 1, 'waiting'), node(9, 2, 'waiting')],
      80,
      24,
      T0 + 65_000,
    );
    expect(lines[0]).toMatch(/waiting for nodes +00:01:05$/);
    expect(lines[1]).toContain('2 of 3 here');
    expect(lines[2]).toContain('1 node still missing');
    expect(lines[4]).toBe(` ${JOIN}`);
    expect(lines[7]).toContain('node01   · waiting        here for 00:01:00');
    expect(lines.at(-1)).toContain('s start now');
  });

  test('says why for every node that is out, and what the step is for one at work', async () => {
    const events = [
      ...wholeSession().slice(0, -3),
      at(310, {
        kind: 'step',
        node: 1,
        step: 'initramfs',
        state: 'start',
        detail: 'dracut',
      }),
    ];
    const text = (await frameLines(events, 100, 24, T0 + 315_000)).join('\n');
    expect(text).toContain('finishing the nodes');
    expect(text).toMatch(/node01 .*▸ initramfs +00:00:05 {2}dracut/);
    expect(text).toMatch(/node03 .*✗ failed +grub-install \/dev\/sda exited 1/);
    expect(text).toMatch(/node04 .*✗ lost +did not come back within 30 s/);
  });

  test('cuts a reason that is too long and keeps one line a node', async () => {
    const lines = await frameLines(wholeSession().slice(0, -1), 60, 24, NOW);
    expect(lines.slice(7, 11).map((line) => line.slice(5, 11))).toEqual([
      'node01',
      'node02',
      'node03',
      'node04',
    ]);
    expect(lines[9]).toMatch(/✗ failed +grub-install .*…$/);
  });

  test('with 200 nodes shows those out first and says what it does not show', async () => {
    const lines = await frameLines(manyNodes(200), 80, 24, NOW);
    expect(lines[4]).toMatch(/golden ▸ node001 ▸ .*… 193 more … ▸ node200 {3}✗ 3 nodes out$/);
    expect(lines.slice(7, 10).map((line) => line.slice(5, 12))).toEqual([
      'node060',
      'node120',
      'node180',
    ]);
    expect(lines.join('\n')).toContain('1–10 of 200, those out first');
  });
});
