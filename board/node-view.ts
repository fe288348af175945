/** One node as the board knows it, and the few questions everybody asks about it. */
import type { NodeState } from '../protocol/events.ts';
import type { Failure } from '../protocol/failure.ts';

/** One step of a node; `finished` is null while it runs. Times: milliseconds since 1970. */
export interface StepView {
  readonly name: string;
  readonly state: 'running' | 'finish' | 'skip' | 'fail';
  readonly started: number;
  readonly finished: number | null;
  readonly detail: string | null;
}

export interface NodeView {
  readonly node: number;
  readonly name: string;
  readonly address: string;
  readonly mac: string | null;
  readonly state: NodeState;
  /** When it joined and when it came into this state, milliseconds since 1970. */
  readonly joined: number;
  readonly since: number;
  /** Why it is not moving, in words. */
  readonly why: string | null;
  readonly failure: Failure | null;
  readonly steps: readonly StepView[];
  /** Of the running pass: bytes of the line received and taken by the disk. */
  readonly received: number;
  readonly drained: number;
  /** Source bytes its disk has taken, as far as can be told (compression is averaged). */
  readonly sourceBytes: number;
  /** Bytes per second. */
  readonly rate: number;
  readonly behind: number;
  readonly limit: 'upstream' | 'disk' | 'downstream' | null;
}

const out: ReadonlySet<NodeState> = new Set(['bypassed', 'failed', 'lost', 'refused']);
const over: ReadonlySet<NodeState> = new Set(['done', 'booted', 'failed', 'lost', 'refused']);

/** Out of the running pass, for whatever reason: somebody should look. */
export const isOut = (node: NodeView): boolean => out.has(node.state);

/** Nothing more happens on this node by itself. */
export const isOver = (node: NodeView): boolean => over.has(node.state);

/** The step it is in, or null between steps. */
export const currentStep = (node: NodeView): StepView | null => {
  const last = node.steps.at(-1);
  return last && last.finished === null ? last : null;
};

/** A sign for the state, so that no meaning hangs on colour. */
export const stateSign = (state: NodeState): string => {
  if (state === 'done' || state === 'booted') return '✓';
  if (out.has(state)) return '✗';
  return state === 'waiting' || state === 'ready' || state === 'received' ? '·' : '▸';
};
