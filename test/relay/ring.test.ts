import { describe, expect, test } from '@jest/globals';
import { Ring } from '../../relay/ring.ts';

const ringBytes = 64 * 1024;
const block = ringBytes / 16;

const fill = (ring: Ring, value: number, bytes: number): void => {
  ring.append(Buffer.alloc(bytes, value));
};

describe('a ring', () => {
  test('keeps bytes by position across block borders', () => {
    const ring = new Ring(ringBytes);
    fill(ring, 1, block - 10);
    fill(ring, 2, 20);
    expect(ring.pieces(block - 12, block + 10).map((piece) => piece.length)).toEqual([12, 10]);
    expect([...ring.joined(block - 11, block - 9)]).toEqual([1, 2]);
  });

  test('has room for its capacity and again for what is released', () => {
    const ring = new Ring(ringBytes);
    let written = 0;
    while (ring.hasRoom) {
      fill(ring, 1, block);
      written += block;
    }
    expect(written).toBe(ring.capacityBytes);
    ring.verify(written);
    ring.release(block - 1);
    expect(ring.hasRoom).toBe(false);
    ring.release(block);
    expect(ring.hasRoom).toBe(true);
  });

  test('has all of its memory before the first byte comes', () => {
    const before = process.memoryUsage.rss();
    const ring = new Ring(64 * 1024 * 1024);
    expect(process.memoryUsage.rss() - before).toBeGreaterThan(0.95 * ring.capacityBytes);
  });

  test('has the next buffer even when it is full', () => {
    const ring = new Ring(ringBytes);
    while (ring.hasRoom) fill(ring, 1, block);
    expect(ring.space().length).toBe(block);
    expect(ring.hasRoom).toBe(false);
    ring.verify(ring.head);
    ring.release(block);
    expect(ring.hasRoom).toBe(true);
  });

  test('uses a released block first, so that little memory is in use', () => {
    const ring = new Ring(ringBytes);
    const memories = new Set<Buffer['buffer']>();
    for (let turn = 0; turn < 100; turn += 1) {
      memories.add(ring.space().buffer);
      fill(ring, turn, block);
      ring.verify(ring.head);
      ring.release(ring.head);
    }
    expect(memories.size).toBeLessThanOrEqual(2);
  });

  test('throws away what is not verified', () => {
    const ring = new Ring(ringBytes);
    fill(ring, 1, 100);
    ring.verify(100);
    fill(ring, 2, 3 * block);
    ring.rewind();
    expect(ring.head).toBe(100);
    fill(ring, 3, 10);
    expect([...ring.joined(99, 101)]).toEqual([1, 3]);
  });

  test('is refused when it is too small to work', () => {
    expect(() => new Ring(1000)).toThrow(expect.objectContaining({ code: 'RingTooSmall' }));
  });
});
