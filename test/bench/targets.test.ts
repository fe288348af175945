import { describe, expect, test } from '@jest/globals';
import type { Row } from '../../bench/rows.ts';
import {
  fastVerdicts,
  formatVerdict,
  KA,
  KA_TRUSTED,
  lineVerdicts,
  passes,
} from '../../bench/targets.ts';

const row = (tool: string, nodes: number, mibPerSecond: number, more: Partial<Row> = {}): Row => ({
  tool,
  nodes,
  mibPerSecond,
  cpuSecondsPerGiBPerNode: 1,
  loopSecondsPerGiBPerNode: null,
  maxRssMiB: 100,
  link: 'fast',
  ...more,
});

const shown = (rows: readonly Row[]) => fastVerdicts(rows).map(formatVerdict);

describe('verdicts on fast links', () => {
  const peers = [row('mbuffer', 4, 100), row('nc|tee', 4, 50)];

  test('pass when the chain reaches every target', () => {
    const ka = row(KA_TRUSTED, 4, 125, { cpuSecondsPerGiBPerNode: 0.9, maxRssMiB: 160 });
    expect(shown([ka, ...peers])).toEqual([
      'pass  ka trusted / mbuffer, 4 nodes: 1.250 (≥ 1.1)',
      'pass  ka trusted / nc|tee, 4 nodes: 2.500 (≥ 2.5)',
      'pass  CPU ka trusted / mbuffer, 4 nodes: 0.900 (≤ 0.9)',
      'pass  memory ka trusted, 4 nodes: 160 MiB (≤ 160 MiB)',
    ]);
  });

  test('fail one by one', () => {
    const ka = row(KA_TRUSTED, 4, 109, { cpuSecondsPerGiBPerNode: 0.91, maxRssMiB: 161 });
    expect(fastVerdicts([ka, ...peers]).map(passes)).toEqual([false, false, false, false]);
  });

  test('are only given where ka and the peer were measured with as many nodes', () => {
    expect(shown([row(KA_TRUSTED, 8, 100, { maxRssMiB: null }), ...peers])).toEqual([]);
    expect(fastVerdicts([row(KA_TRUSTED, 1, 100), row('mbuffer', 1, 100)])).toEqual([]);
  });
});

describe('what encryption and vouching cost', () => {
  const open = (cpuSecondsPerGiBPerNode: number, loopSecondsPerGiBPerNode: number) =>
    row(KA, 16, 100, { cpuSecondsPerGiBPerNode, loopSecondsPerGiBPerNode });

  test('has limits of its own, for all threads and for the event loop', () => {
    expect(shown([open(1.2, 0.7)])).toEqual([
      'pass  CPU ka, 16 nodes: 1.200 s/GiB/node (≤ 1.2 s/GiB/node)',
      'pass  CPU ka, event loop, 16 nodes: 0.700 s/GiB/node (≤ 0.7 s/GiB/node)',
    ]);
    expect(fastVerdicts([open(1.21, 0.71)]).map(passes)).toEqual([false, false]);
  });
});

describe('verdicts on links of a known rate', () => {
  test('compare one node with iperf3 and many nodes with one', () => {
    const link = '200mbit';
    const rows = [
      row('iperf3', 1, 20, { link }),
      row(KA_TRUSTED, 1, 19.6, { link }),
      row(KA_TRUSTED, 16, 19.5, { link }),
      row(KA_TRUSTED, 64, 18, { link }),
      row(KA, 1, 19.3, { link }),
    ];
    expect(lineVerdicts(rows).map((verdict) => [verdict.what, passes(verdict)])).toEqual([
      ['ka trusted / iperf3, 1 node, 200mbit', true],
      ['ka trusted T(16)/T(1), 200mbit', true],
      ['ka trusted T(64)/T(1), 200mbit', false],
      ['ka / iperf3, 1 node, 200mbit', false],
    ]);
  });

  test('a rate that could not be measured does not pass', () => {
    expect(passes({ what: 'x', value: Number.NaN, atLeast: 1 })).toBe(false);
  });
});
