import { describe, expect, test } from '@jest/globals';
import { ClearMemory } from '../../relay/clear-memory.ts';

/** Takes `bytes` and fills them; null when there are none. */
const takeFilled = (memory: ClearMemory, bytes: number, value: number) => {
  const space = memory.space(bytes);
  if (space === null) return null;
  return { piece: space.fill(value), end: memory.take(bytes) };
};

describe('memory for what was decrypted', () => {
  test('is given out until there is none, and again when the first was given back', () => {
    const memory = new ClearMemory(100);
    const taken = [takeFilled(memory, 40, 1), takeFilled(memory, 40, 2)];
    expect(memory.space(40)).toBeNull();
    memory.giveBack(taken[0]?.end ?? 0);
    const third = takeFilled(memory, 40, 3);
    expect(third?.piece).toEqual(Buffer.alloc(40, 3));
    // What is still out was not touched.
    expect(taken[1]?.piece).toEqual(Buffer.alloc(40, 2));
    expect(memory.space(1)).toBeNull();
  });

  test('can be asked for without being taken', () => {
    const memory = new ClearMemory(100);
    expect(memory.space(100)).toHaveLength(100);
    expect(memory.space(100)).toHaveLength(100);
  });

  test('holds any piece that fits when all was given back, wherever it ended before', () => {
    const memory = new ClearMemory(100);
    const first = takeFilled(memory, 60, 1);
    memory.giveBack(first?.end ?? 0);
    expect(takeFilled(memory, 100, 2)?.piece).toHaveLength(100);
  });

  test('no piece ever overlaps another that is out, through many sizes', () => {
    const memory = new ClearMemory(1000);
    const out: { piece: Buffer; end: number; value: number }[] = [];
    for (let step = 1; step <= 5000; step += 1) {
      const value = step % 251;
      const taken = takeFilled(memory, ((step * 7919) % 400) + 1, value);
      if (taken !== null) out.push({ ...taken, value });
      if (taken === null || step % 3 === 0) {
        const oldest = out.shift();
        if (oldest) memory.giveBack(oldest.end);
      }
      for (const { piece, value: mine } of out)
        expect(piece.every((byte) => byte === mine)).toBe(true);
    }
    expect(out.length).toBeGreaterThan(0);
  });
});
