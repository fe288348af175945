import { expect, test } from '@jest/globals';
import { RANDOM_NODES, RANDOM_PARTS, RANDOM_RUNS } from './amounts.ts';
import { drawScenario } from './scenario.ts';
import { simulate } from './simulate.ts';

/** To run a failure again: KA_SEED=4711 KA_RUNS=1 npm test -- test/simulation/random */
const FIRST = Number(process.env.KA_SEED ?? 1);
const RUNS = Number(process.env.KA_RUNS ?? RANDOM_RUNS);

test.each(Array.from({ length: RANDOM_PARTS }, (_, part) => part))(
  'sessions with random failures, part %i: who lives gets the golden’s bytes, nobody waits for ever',
  (part) => {
    const passes = new Map<number, number>();
    let gone = 0;
    const first = FIRST + part * RUNS;
    for (let seed = first; seed < first + RUNS; seed += 1) {
      const result = simulate(drawScenario(seed, { nodes: RANDOM_NODES, frames: [20, 150] }));
      passes.set(result.passes, (passes.get(result.passes) ?? 0) + 1);
      gone += result.gone;
    }
    if (RUNS < 1000) return;
    // Schedules that never lead to a second pass, or to a lost position, would test little.
    expect(passes.get(1)).toBeGreaterThan(RUNS / 2);
    expect(passes.get(2)).toBeGreaterThan(RUNS / 10);
    expect(gone).toBeGreaterThan(RUNS / 100);
  },
);
