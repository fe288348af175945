/** Hostile words for goldens and agents that run, the same in each run; many more: `npm run fuzz`. */
import { describe, expect, test } from '@jest/globals';
import { findingText } from '../finding-text.ts';
import { runRounds, shares } from '../rounds.ts';
import type { Target } from '../target.ts';
import { livingOnes } from '../targets.ts';

const SEED = 1;
const CASES = 2000;

const wanted = shares(livingOnes, CASES);

const findingOf = async (target: Target): Promise<string | undefined> => {
  const { signal } = new AbortController();
  const finding = await runRounds([target], {
    seed: SEED,
    wanted,
    done: new Map(),
    onTurn: () => undefined,
    signal,
  });
  return finding && findingText(finding);
};

describe('what runs is there for honest machines, whatever strangers say to it', () => {
  test('all together have two thousand cases', () => {
    const cases = [...wanted.values()].reduce((sum, one) => sum + one, 0);
    expect(cases).toBeGreaterThanOrEqual(CASES);
  });

  test.each(livingOnes.map((target) => [target.name, target] as const))('%s', async (_, target) => {
    expect(await findingOf(target)).toBeUndefined();
  });
});
