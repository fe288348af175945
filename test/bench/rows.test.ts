import { describe, expect, test } from '@jest/globals';
import { median } from '../../bench/median.ts';
import { toRow } from '../../bench/rows.ts';
import { formatTable } from '../../bench/table.ts';

const MIB = 1024 * 1024;
const node = (cpuSeconds: number, mebibytes: number) => ({
  cpuSeconds,
  loopCpuSeconds: cpuSeconds / 2,
  maxRssBytes: mebibytes * MIB,
});

describe('median', () => {
  test('is the middle value, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  test('lies between the two middle values', () => {
    expect(median([4, 1, 100, 2])).toBe(3);
  });

  test('of nothing is no number', () => {
    expect(median([])).toBeNaN();
  });
});

describe('a row', () => {
  test('holds the median rate, the mean CPU of the nodes for each GiB, the largest node', () => {
    const sample = (seconds: number) => ({
      seconds,
      bytes: 512 * MIB,
      nodes: [node(1, 100), node(2, 140)],
    });
    const row = toRow({ tool: 'ka', nodes: 2, link: 'fast' }, [sample(1), sample(8), sample(2)]);
    expect(row).toEqual({
      tool: 'ka',
      nodes: 2,
      link: 'fast',
      mibPerSecond: 256,
      cpuSecondsPerGiBPerNode: 3,
      loopSecondsPerGiBPerNode: 1.5,
      maxRssMiB: 140,
    });
  });

  test('has no resources where none were measured', () => {
    const sample = { seconds: 1, bytes: MIB, nodes: [] };
    const row = toRow({ tool: 'iperf3', nodes: 1, link: 'fast' }, [sample]);
    expect(row.cpuSecondsPerGiBPerNode).toBeNull();
    expect(row.loopSecondsPerGiBPerNode).toBeNull();
    expect(row.maxRssMiB).toBeNull();
  });
});

test('a tool without an event loop has no share of it', () => {
  const nodes = [{ cpuSeconds: 1, maxRssBytes: MIB }];
  const row = toRow({ tool: 'mbuffer', nodes: 1, link: 'fast' }, [
    { seconds: 1, bytes: 1024 * MIB, nodes },
  ]);
  expect(row.cpuSecondsPerGiBPerNode).toBe(1);
  expect(row.loopSecondsPerGiBPerNode).toBeNull();
});

describe('a table', () => {
  test('aligns names to the left and numbers to the right', () => {
    const text = formatTable(
      ['tool', 'MiB/s'],
      [
        ['ka', 1234.5],
        ['nc|tee', 0.123],
        ['iperf3', null],
      ],
    );
    expect(text.split('\n')).toEqual([
      '| tool   | MiB/s |',
      '| ------ | ----: |',
      '| ka     |  1235 |',
      '| nc|tee |  0.12 |',
      '| iperf3 |     – |',
    ]);
  });
});
