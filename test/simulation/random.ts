/** Numbers that look random and depend on the seed only. */
export interface Random {
  /** 0 ≤ x < 1. */
  next(): number;
  /** from ≤ x < to, spread evenly. */
  between(from: number, to: number): number;
  /** Whole numbers, both ends included. */
  whole(from: number, to: number): number;
  /** from ≤ x < to, spread evenly over the orders of magnitude. */
  scale(from: number, to: number): number;
  chance(share: number): boolean;
  pick<T>(list: readonly [T, ...T[]]): T;
}

/** Mulberry32: 32 bits of state, good enough for schedules. */
export const randomOf = (seed: number): Random => {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number) => from + (to - from) * next();
  return {
    next,
    between,
    whole: (from, to) => from + Math.floor(next() * (to - from + 1)),
    scale: (from, to) => from * (to / from) ** next(),
    chance: (share) => next() < share,
    pick: (list) => list[Math.floor(next() * list.length)] ?? list[0],
  };
};
