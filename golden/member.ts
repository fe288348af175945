/** One node of the session, as the golden knows it. */
import type { Hello } from '../protocol/admission.ts';
import type { GoldenMessage, NodeMessage } from '../protocol/control.ts';
import { clonedStates, type NodeState } from '../protocol/events.ts';
import type { Failure } from '../protocol/failure.ts';
import type { NodeLink } from './node-link.ts';

export type PositionMessage = Extract<NodeMessage, { type: 'position' }>;

export interface Member {
  /** 1, 2, … in the order of joining. */
  readonly number: number;
  readonly name: string;
  /** Of the key it proved on its link: what it is. */
  pin: string;
  /** The address its ticket was made for; null for one without. */
  bootMac: string | null;
  hello: Hello;
  address: string;
  link: NodeLink | null;
  state: NodeState;
  /** Since when, in milliseconds of `performance.now()`. */
  stateSinceMs: number;
  why: string | undefined;
  failure: Failure | undefined;
  /** Last position report of the running pass. */
  position: PositionMessage | undefined;
  /** Passes it was sent into so far. */
  passes: number;
  /** Plans it was given since it was last in a pass. */
  plans: number;
  joinedMs: number;
}

/** A node that missed so many passes is not tried again. */
export const MAX_PASSES = 3;

/** Nor one that began to prepare so often without coming into one. */
export const MAX_PLANS = 10;

/**
 * How long a node rests before the last of them: a link that is dead for some
 * seconds can end two passes, and shall not end the third as well.
 */
export const LAST_PASS_REST_MS = 10_000;

/** Whether the pass it is about to be sent into is the last it gets. */
export const isLastPass = ({ passes }: Pick<Member, 'passes'>): boolean =>
  passes === MAX_PASSES - 1;

/** States in which nothing more will happen to a node by itself. */
const finalStates: ReadonlySet<NodeState> = new Set([
  'done',
  'booted',
  'failed',
  'lost',
  'refused',
]);

export const isFinal = (member: Member): boolean => finalStates.has(member.state);

export const isCloned = (member: Member): boolean => clonedStates.has(member.state);

/** Has nothing but its boot image yet: no tools, and no drivers for its disks. */
export const lacksStage2 = (member: Member): boolean => member.hello.image !== null;

/** Waits for a (new) plan. */
export const isPending = (member: Member): boolean =>
  (member.state === 'waiting' || member.state === 'bypassed') && member.link !== null;

export const tell = (member: Member, message: GoldenMessage): void => member.link?.send(message);
