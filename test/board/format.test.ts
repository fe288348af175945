import { describe, expect, test } from '@jest/globals';
import {
  cut,
  formatBar,
  formatBytes,
  formatDuration,
  formatPercent,
  formatShare,
} from '../../board/format.ts';

describe('numbers on the board', () => {
  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [812 * 1024 ** 2, '812 MiB'],
    [99.96 * 1024 ** 2, '100 MiB'],
    [1.91 * 1024 ** 3, '1.91 GiB'],
    [25 * 1024 ** 4, '25.0 TiB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test('two amounts share the unit of the larger', () =>
    expect(formatShare(812 * 1024 ** 2, 1.91 * 1024 ** 3)).toBe('0.79 of 1.91 GiB'));

  test.each([
    [0, '00:00:00'],
    [192_900, '00:03:12'],
    [-5, '00:00:00'],
    [100 * 3600 * 1000, '100:00:00'],
  ])('%d ms are %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test('nothing reads as 100 % before it is', () => {
    expect(formatPercent(0.9999)).toBe('99 %');
    expect(formatPercent(1)).toBe('100 %');
  });

  test.each([0, 0.01, 0.5, 0.999, 1, 7, -1])('a bar of share %d has its exact width', (share) =>
    expect([...formatBar(share, 10)]).toHaveLength(10),
  );

  test('a bar moves in eighths of a cell', () => {
    expect(formatBar(0.5, 3)).toBe('█▌ ');
    expect(formatBar(1, 3)).toBe('███');
  });

  test('text that is cut says so', () => {
    expect(cut('node01', 6)).toBe('node01');
    expect(cut('node01', 4)).toBe('nod…');
    expect(cut('node01', 0)).toBe('');
  });
});
