import { describe, expect, test } from '@jest/globals';
import { passSeconds } from './expected-time.ts';
import { drawScenario } from './scenario.ts';
import { simulate } from './simulate.ts';

describe('a chain of 1,000 nodes', () => {
  test.each([1, 2])('with random failures, seed %i: nobody is left behind', (seed) => {
    const scenario = drawScenario(seed, { nodes: [1000, 1000], frames: [60, 60] });
    const { done } = simulate(scenario);
    expect(done).toBeGreaterThan(980);
  });

  test('takes as long as the formula in docs/scaling.md says', () => {
    const { modelled, expected } = passSeconds({ nodes: 1000, frames: 100, frameMs: 8 });
    expect(modelled / expected).toBeGreaterThan(0.98);
    expect(modelled / expected).toBeLessThan(1.1);
  });

  test('ten of them dying cost the others no second pass and little time', () => {
    const { modelled, expected, result } = passSeconds({
      nodes: 1000,
      frames: 100,
      frameMs: 8,
      dying: 10,
    });
    expect(result).toMatchObject({ done: 990, doneFirst: 990, passes: 1 });
    expect(modelled / expected).toBeLessThan(1.1);
  });
});
