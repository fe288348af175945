import { expect, test } from '@jest/globals';
import { FRAME_HEADER_BYTES } from '../../protocol/frame.ts';
import { frameSize, payloadAt } from '../../relay/frame-size.ts';

const HEADER = FRAME_HEADER_BYTES;
const KIB = 1024;
const MIB = 1024 * KIB;
const RING = 16 * MIB;

test('frames are large when the stream is long for its nodes, and small when it is not', () => {
  expect(frameSize(2048 * MIB, 16, RING)).toBe(MIB);
  expect(frameSize(2048 * MIB, 64, RING)).toBe(256 * KIB);
  expect(frameSize(128 * MIB, 16, RING)).toBe(64 * KIB);
  expect(frameSize(MIB, 1, RING)).toBe(64 * KIB);
  expect(frameSize(null, 4, RING)).toBe(64 * KIB);
});

test('frames fit a tiny ring', () => {
  expect(frameSize(2048 * MIB, 1, 16 * KIB)).toBe(16 * KIB);
  expect(frameSize(2048 * MIB, 1, 20_000)).toBe(16 * KIB);
});

test('frames end at multiples of their size, wherever they begin', () => {
  const size = 64 * KIB;
  for (const position of [0, 1, 217, 65_000, size - HEADER - 1, size, 10 * size + 5]) {
    expect((position + HEADER + payloadAt(position, size)) % size).toBe(0);
  }
  // Too near the border for a header and a byte: the frame ends at the next one.
  for (const position of [size - HEADER, size - 1]) {
    const payload = payloadAt(position, size);
    expect((position + HEADER + payload) % size).toBe(0);
    expect(payload).toBeLessThanOrEqual(size);
  }
});
