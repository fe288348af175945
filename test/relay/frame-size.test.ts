import { expect, test } from '@jest/globals';
import { FrameSize } from '../../relay/frame-size.ts';

const settle = (bytesPerSecond: number): number => {
  const size = new FrameSize(16 * 1024 * 1024);
  for (let tick = 1; tick <= 20; tick += 1) size.measure((bytesPerSecond / 10) * tick, 100);
  return size.bytes;
};

test('frames start small', () => {
  expect(new FrameSize(16 * 1024 * 1024).bytes).toBe(64 * 1024);
});

test('frames stay small on a slow line and grow with a fast one, up to the largest', () => {
  expect(settle(25e6)).toBe(64 * 1024);
  expect(settle(125e6)).toBeGreaterThan(240_000);
  expect(settle(2e9)).toBe(1024 * 1024);
});

test('frames fit a tiny ring', () => {
  expect(new FrameSize(16 * 1024).bytes).toBe(16 * 1024);
});
