/** What one run of the model is made of, drawn from a seed. */
import { FRAME } from './model-ring.ts';
import { type Random, randomOf } from './random.ts';

/** Something that happens to a node. Times in milliseconds; without `forMs` it stays. */
export type Fault = { atMs: number; node: number } & (
  | { kind: 'kill' | 'power-off' | 'sink-fails' }
  | { kind: 'restart'; afterMs: number }
  | { kind: 'stop' | 'cut'; forMs?: number }
  /** Packets on its data link to (`up`) or from (`down`) its upstream are dropped. */
  | { kind: 'half-open'; direction: 'up' | 'down'; forMs?: number }
  | { kind: 'slow-sink'; share: number; forMs?: number }
  | { kind: 'sink-stall'; forMs: number }
  | { kind: 'slow-line'; share: number; forMs?: number }
  | { kind: 'damage'; frames: number }
);

export interface Scenario {
  seed: number;
  nodes: number;
  ringBytes: number;
  totalBytes: number;
  /** Of each link, each way. */
  bytesPerMs: number;
  latencyMs: number;
  /** Longest delay of a control message. */
  controlMs: number;
  slow: 'wait' | 'bypass';
  faults: readonly Fault[];
  /** So many times, a node that was just attached to a new upstream is killed. */
  killAttached: number;
}

const kinds = [
  'kill',
  'kill',
  'power-off',
  'stop',
  'stop',
  'cut',
  'half-open',
  'restart',
  'slow-sink',
  'sink-stall',
  'slow-line',
  'damage',
  'sink-fails',
] as const;

const faultOf = (random: Random, kind: Fault['kind'], node: number, atMs: number): Fault => {
  const at = { atMs, node };
  const lasting = random.chance(0.5) ? { forMs: random.between(100, 9000) } : {};
  switch (kind) {
    case 'restart':
      return { ...at, kind, afterMs: random.between(100, 5000) };
    case 'stop':
    case 'cut':
      return { ...at, kind, ...lasting };
    case 'half-open': {
      const direction = random.chance(0.5) ? 'up' : 'down';
      return { ...at, kind, direction, ...lasting };
    }
    case 'slow-sink':
    case 'slow-line':
      return { ...at, kind, share: random.between(0.1, 0.9), ...lasting };
    case 'sink-stall':
      return { ...at, kind, forMs: random.between(500, 20_000) };
    case 'damage':
      return { ...at, kind, frames: random.chance(0.7) ? random.whole(1, 3) : random.whole(5, 60) };
    default:
      return { ...at, kind };
  }
};

const drawFaults = (random: Random, nodes: number, durationMs: number): Fault[] => {
  const someNode = () => random.whole(1, nodes);
  // Also after the source has ended, and in the next pass.
  const sometime = () => random.between(0, durationMs * 1.3) + (random.chance(0.1) ? 4000 : 0);
  const style = random.next();
  if (style < 0.08) {
    // One each second until one is left.
    const order = Array.from({ length: nodes }, (_, index) => index + 1);
    order.sort(() => random.next() - 0.5);
    const firstMs = random.between(0, durationMs);
    return order
      .slice(1)
      .map((node, index) => faultOf(random, 'kill', node, firstMs + index * 1000));
  }
  const faults: Fault[] = [];
  for (let count = random.whole(style < 0.15 ? 0 : 1, 4); count > 0; count -= 1) {
    const kind = random.pick(kinds);
    const atMs = sometime();
    const first = someNode();
    const neighbours = random.chance(0.3) ? random.whole(2, 5) : 1;
    for (let node = first; node < first + neighbours && node <= nodes; node += 1) {
      // At once, or so close together that the second breaks the repair of the first.
      const laterMs = random.chance(0.5) ? 0 : random.between(0, 200);
      faults.push(faultOf(random, kind, node, atMs + laterMs));
    }
  }
  return faults;
};

export interface ScenarioBounds {
  nodes: readonly [number, number];
  frames: readonly [number, number];
}

/** Everything about a run follows from `seed`. */
export const drawScenario = (seed: number, bounds: ScenarioBounds): Scenario => {
  const random = randomOf(seed);
  const nodes = random.whole(...bounds.nodes);
  const frames = Math.round(random.scale(...bounds.frames));
  const frameMs = random.scale(4, 50);
  const latencyMs = random.scale(0.05, 5);
  const durationMs = (frames + nodes) * frameMs;
  return {
    seed,
    nodes,
    ringBytes: Math.round(random.scale(8, 48)) * FRAME,
    totalBytes: frames * FRAME,
    bytesPerMs: FRAME / frameMs,
    latencyMs,
    controlMs: random.chance(0.15) ? 500 : random.scale(0.5, 40),
    slow: random.chance(0.7) ? 'bypass' : 'wait',
    faults: drawFaults(random, nodes, durationMs),
    killAttached: random.chance(0.12) ? random.whole(1, 4) : 0,
  };
};

const round = (value: unknown): unknown =>
  typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;

/** The scenario in lines, to be printed beside a failure. */
export const describeScenario = (scenario: Scenario): string => {
  const { faults, ...rest } = scenario;
  const line = (fields: object) => JSON.stringify(fields, (_, value: unknown) => round(value));
  return [line(rest), ...faults.map((fault) => `  ${line(fault)}`)].join('\n');
};
