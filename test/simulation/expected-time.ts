/** Time of one pass, by the model and by the formula of docs/scaling.md. */
import { FRAME } from './model-ring.ts';
import { randomOf } from './random.ts';
import type { Fault, Scenario } from './scenario.ts';
import { type RunResult, simulate } from './simulate.ts';

export interface Chain {
  nodes: number;
  frames: number;
  /** What one frame takes on the line, in milliseconds. */
  frameMs: number;
  /** What a hop takes beside that, in milliseconds. */
  hopMs?: number;
  /** So many nodes are killed at random moments. */
  dying?: number;
}

const RING = 64 * FRAME;

const deaths = ({ nodes, frames, frameMs, dying = 0 }: Chain): Fault[] => {
  const random = randomOf(nodes + frames);
  const chosen = new Set<number>();
  while (chosen.size < dying) chosen.add(random.whole(1, nodes));
  const lastMs = frames * frameMs;
  return [...chosen].map((node) => ({ kind: 'kill', node, atMs: random.between(500, lastMs) }));
};

export const passSeconds = (
  chain: Chain,
): { modelled: number; expected: number; result: RunResult } => {
  const { nodes, frames, frameMs, hopMs = 0.2 } = chain;
  const scenario: Scenario = {
    seed: 1,
    nodes,
    ringBytes: RING,
    totalBytes: frames * FRAME,
    bytesPerMs: FRAME / frameMs,
    latencyMs: hopMs,
    controlMs: 5,
    slow: 'bypass',
    faults: deaths(chain),
    killAttached: 0,
  };
  const result = simulate(scenario);
  const expected = (frames * frameMs + (nodes - 1) * (frameMs + hopMs)) / 1000;
  return { modelled: result.firstPassMs / 1000, expected, result };
};
