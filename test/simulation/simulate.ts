/** One run of the model, from the first order to the last node's result, and what must be true of it. */
import { DEFAULT_REDUNDANCY } from '../../protocol/constants.ts';
import { applyFault } from './faults.ts';
import { type Rules, realRules } from './rules.ts';
import { describeScenario, type Scenario } from './scenario.ts';
import { Violation } from './violation.ts';
import { World } from './world.ts';

/** So long may a session take beside the time of its bytes, in milliseconds. */
const PATIENCE_MS = 600_000;

export interface RunResult {
  /** Virtual milliseconds. */
  durationMs: number;
  firstPassMs: number;
  passes: number;
  done: number;
  /** Nodes done in the first pass. */
  doneFirst: number;
  /** Nodes that were told that their position is gone. */
  gone: number;
  /** Alive to the end, and still without a clone after the last pass it was allowed: number and reason. */
  exhausted: readonly string[];
}

/**
 * Faults that fewer than k nodes have, and that end or pass quickly: no other
 * node may notice more than a pause, however they fall together.
 */
const sparesOthers = ({ faults, killAttached, controlMs }: Scenario): boolean => {
  const nodes = new Set(faults.map(({ node }) => node));
  const kinds = ['kill', 'power-off', 'stop', 'cut', 'restart', 'sink-fails'];
  return (
    killAttached === 0 &&
    // Reports that come half a second late or early make rates look other than they are.
    controlMs < 500 &&
    nodes.size < DEFAULT_REDUNDANCY &&
    faults.every(
      (fault) => kinds.includes(fault.kind) || (fault.kind === 'damage' && fault.frames < 4),
    )
  );
};

/** With several links that never work again, a node may meet one in each of its passes. */
const hasDeadLinks = ({ faults }: Scenario): boolean =>
  faults.filter((fault) => fault.kind === 'half-open' && fault.forMs === undefined).length > 1;

const checkSpared = (world: World): void => {
  const { faults } = world.scenario;
  if (!sparesOthers(world.scenario)) return;
  for (const { node, passes, state } of world.session.members.values()) {
    if (faults.some((fault) => fault.node === node.number)) continue;
    if (state === 'done' && passes === 1) continue;
    throw new Violation(`node ${node.number} was not spared: ${state} after ${passes} passes`);
  }
};

const checkEnd = (world: World): RunResult => {
  const { session } = world;
  const members = [...session.members.values()];
  if (!session.over) {
    const states = members.map(({ node, state }) => `${node.number} ${state}`).join(', ');
    throw new Violation(`somebody waits for ever: ${states}`);
  }
  const exhausted: string[] = [];
  for (const { node, state, why } of members) {
    if (state === 'done' && !node.cloned) {
      throw new Violation(`node ${node.number} is done without all of the golden's bytes`);
    }
    if (state === 'done' || !node.running || node.cut || node.tooLate || node.sinkFailed) continue;
    // Given up, and not yet with a new link when the session ended.
    if (node.control === null || node.control.givenUp) continue;
    if (state === 'failed' && why.startsWith('too many passes') && hasDeadLinks(world.scenario))
      exhausted.push(`${node.number}: ${why}`);
    else throw new Violation(`node ${node.number} lives, and ends as ${state} (${why})`);
  }
  checkSpared(world);
  const done = members.filter(({ state }) => state === 'done');
  return {
    durationMs: world.clock.nowMs,
    firstPassMs: session.firstPassMs,
    passes: session.passes,
    done: done.length,
    doneFirst: done.filter(({ passes }) => passes === 1).length,
    gone: world.gone,
    exhausted,
  };
};

/** Throws `Violation`, with the scenario in its message. */
export const simulate = (scenario: Scenario, rules: Rules = realRules): RunResult => {
  const world = new World(scenario, rules);
  try {
    for (const node of world.nodes) node.join();
    for (const fault of scenario.faults) applyFault(world, fault);
    world.session.step();
    const passMs = scenario.totalBytes / scenario.bytesPerMs;
    world.clock.run(PATIENCE_MS + 30 * passMs);
    return checkEnd(world);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const at = `after ${Math.round(world.clock.nowMs)} ms of pass ${world.session.passes}`;
    throw new Violation(`${error.message}, ${at}\n${describeScenario(scenario)}`);
  }
};
