/** Hostile input for all parsers and all pure state, the same in each run; many more: `npm run fuzz`. */
import { describe, expect, test } from '@jest/globals';
import { findingText } from './finding-text.ts';
import { runRounds, shares } from './rounds.ts';
import type { Target } from './target.ts';
import { parsers } from './targets.ts';

const SEED = 1;
const CASES = 100_000;

const wanted = shares(parsers, CASES);

const findingOf = async (target: Target): Promise<string | undefined> => {
  const { signal } = new AbortController();
  const done = new Map<string, number>();
  const finding = await runRounds([target], {
    seed: SEED,
    wanted,
    done,
    onTurn: () => undefined,
    signal,
  });
  return finding && findingText(finding);
};

describe('what is read from peers, files and disks holds whatever they say', () => {
  test('all together have a hundred thousand cases', () => {
    expect([...wanted.values()].reduce((sum, cases) => sum + cases, 0)).toBeGreaterThanOrEqual(
      CASES,
    );
  });

  test.each(parsers.map((target) => [target.name, target] as const))('%s', async (_, target) => {
    expect(await findingOf(target)).toBeUndefined();
  });
});
