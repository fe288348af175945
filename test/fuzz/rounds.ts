/** All targets in turn, some cases at a time, so that whoever stops a run has seen something of each. */
import { createHash } from 'node:crypto';
import type { Finding, OpenTarget, Target } from './target.ts';

/** Cases of one turn: what is lost when a run is stopped. */
const CASES_OF_TURN = { parser: 1000, living: 50 } as const;

/** Seed of a turn: fast-check takes 32 bits. */
const seedOf = (seed: number, name: string, turn: number): number =>
  createHash('sha256').update(`${seed} ${name} ${turn}`).digest().readInt32BE(0);

/** Cases of each of these targets, by weight, of so many for all. */
export const shares = (targets: readonly Target[], cases: number): Map<string, number> => {
  const all = targets.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(targets.map(({ name, weight }) => [name, Math.ceil((cases * weight) / all)]));
};

/**
 * Runs turn `turn` of an open target: the same cases for the same seed. What
 * `wanted` leaves for it, when that is less than a turn.
 */
const runTurn = (
  open: OpenTarget,
  { name, kind }: Target,
  { seed, turn, wanted }: { seed: number; turn: number; wanted: number },
): Promise<Finding | undefined> => {
  const size = CASES_OF_TURN[kind];
  return open.run(seedOf(seed, name, turn), Math.min(size, wanted - turn * size));
};

export interface Rounds {
  seed: number;
  /** Cases wanted of each target. */
  wanted: ReadonlyMap<string, number>;
  /** Turns that were done already, by target. */
  done: ReadonlyMap<string, number>;
  /** After each turn that held. */
  onTurn(target: Target, turns: number): void;
  signal: AbortSignal;
}

/**
 * Runs until all cases were, until one did not hold, or until the signal;
 * returns what did not hold.
 */
export const runRounds = async (
  targets: readonly Target[],
  { seed, wanted, done, onTurn, signal }: Rounds,
): Promise<Finding | undefined> => {
  const turnsOf = ({ name, kind }: Target): number =>
    Math.ceil((wanted.get(name) ?? 0) / CASES_OF_TURN[kind]);
  const turns = new Map(done);
  await using stack = new AsyncDisposableStack();
  const opened = new Map<string, OpenTarget>();
  const isLeft = (target: Target): boolean => (turns.get(target.name) ?? 0) < turnsOf(target);
  for (let left = targets.filter(isLeft); left.length > 0; left = left.filter(isLeft)) {
    for (const target of left) {
      if (signal.aborted) return undefined;
      const { name } = target;
      const open = opened.get(name) ?? stack.use(await target.open());
      opened.set(name, open);
      const turn = turns.get(name) ?? 0;
      const finding = await runTurn(open, target, { seed, turn, wanted: wanted.get(name) ?? 0 });
      if (finding) return finding;
      turns.set(name, turn + 1);
      onTurn(target, turn + 1);
    }
  }
  return undefined;
};

/** Cases done after so many turns, of so many wanted. */
export const casesDone = ({ kind }: Target, turns: number, wanted: number): number =>
  Math.min(wanted, turns * CASES_OF_TURN[kind]);
