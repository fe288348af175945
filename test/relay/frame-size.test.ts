import { expect, test } from '@jest/globals';
import { FrameSize } from '../../relay/frame-size.ts';

const HEADER = 40;
const KIB = 1024;
const ring = 16 * KIB * KIB;

const settle = (bytesPerSecond: number): number => {
  const size = new FrameSize(ring);
  for (let tick = 1; tick <= 20; tick += 1) size.measure((bytesPerSecond / 10) * tick, 100);
  return size.payloadAt(0) + HEADER;
};

test('frames start small', () => {
  expect(new FrameSize(ring).payloadAt(0)).toBe(64 * KIB - HEADER);
});

test('frames stay small on a slow line and grow with a fast one, up to the largest', () => {
  expect(settle(25e6)).toBe(64 * KIB);
  expect(settle(150e6)).toBe(256 * KIB);
  expect(settle(2e9)).toBe(1024 * KIB);
});

test('frames fit a tiny ring', () => {
  expect(new FrameSize(16 * KIB).payloadAt(0)).toBe(16 * KIB - HEADER);
  expect(new FrameSize(20_000).payloadAt(0)).toBe(16 * KIB - HEADER);
});

test('frames end at multiples of their size, wherever they begin', () => {
  const size = new FrameSize(ring);
  const least = 64 * KIB;
  for (const position of [0, 1, 217, 65_000, least - HEADER - 1, least, 10 * least + 5]) {
    const end = position + HEADER + size.payloadAt(position);
    expect(end % least).toBe(0);
  }
  // Too near the border for a header and a byte: the frame ends at the next one.
  for (const position of [least - HEADER, least - 1]) {
    const payload = size.payloadAt(position);
    expect((position + HEADER + payload) % least).toBe(0);
    expect(payload).toBeLessThanOrEqual(least);
  }
});
