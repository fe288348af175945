import { describe, expect, test } from '@jest/globals';
import type { Row } from '../../bench/rows.ts';
import { fastVerdicts, formatVerdict, lineVerdicts, passes } from '../../bench/targets.ts';

const row = (tool: string, nodes: number, mibPerSecond: number, more: Partial<Row> = {}): Row => ({
  tool,
  nodes,
  mibPerSecond,
  cpuSecondsPerGiBPerNode: 1,
  maxRssMiB: 100,
  link: 'fast',
  ...more,
});

const shown = (rows: readonly Row[]) => fastVerdicts(rows).map(formatVerdict);

describe('verdicts on fast links', () => {
  const peers = [row('mbuffer', 4, 100), row('nc|tee', 4, 50)];

  test('pass when the chain reaches every target', () => {
    const ka = row('ka', 4, 125, { cpuSecondsPerGiBPerNode: 0.9, maxRssMiB: 160 });
    expect(shown([ka, ...peers])).toEqual([
      'pass  ka / mbuffer, 4 nodes: 1.250 (≥ 1.1)',
      'pass  ka / nc|tee, 4 nodes: 2.500 (≥ 2.5)',
      'pass  CPU ka / mbuffer, 4 nodes: 0.900 (≤ 0.9)',
      'pass  memory, 4 nodes: 160 MiB (≤ 160 MiB)',
    ]);
  });

  test('fail one by one', () => {
    const ka = row('ka', 4, 109, { cpuSecondsPerGiBPerNode: 0.91, maxRssMiB: 161 });
    expect(fastVerdicts([ka, ...peers]).map(passes)).toEqual([false, false, false, false]);
  });

  test('are only given where ka and the peer were measured with as many nodes', () => {
    expect(shown([row('ka', 8, 100, { maxRssMiB: null }), ...peers])).toEqual([]);
    expect(fastVerdicts([row('ka', 1, 100), row('mbuffer', 1, 100)])).toEqual([]);
  });
});

describe('verdicts on links of a known rate', () => {
  test('compare one node with iperf3 and many nodes with one', () => {
    const link = '200mbit';
    const rows = [
      row('iperf3', 1, 20, { link }),
      row('ka', 1, 19.6, { link }),
      row('ka', 16, 19.5, { link }),
      row('ka', 64, 18, { link }),
    ];
    expect(lineVerdicts(rows).map((verdict) => [verdict.what, passes(verdict)])).toEqual([
      ['ka / iperf3, 1 node, 200mbit', true],
      ['T(16)/T(1), 200mbit', true],
      ['T(64)/T(1), 200mbit', false],
    ]);
  });

  test('a rate that could not be measured does not pass', () => {
    expect(passes({ what: 'x', value: Number.NaN, atLeast: 1 })).toBe(false);
  });
});
