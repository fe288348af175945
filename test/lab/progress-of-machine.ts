/** Puts together what is seen of one machine from outside: by the boot services, the golden, and on its console. */
import type { NodeState, SessionEvent } from '../../protocol/events.ts';
import type { Machine } from './machine.ts';
import { type Milestone, Timeline } from './milestones.ts';

type NodeEvent = Extract<SessionEvent, { kind: 'node' }>;
type StepEvent = Extract<SessionEvent, { kind: 'step' }>;

const milestoneOf: Partial<Record<NodeState, Milestone>> = {
  waiting: 'waiting in the session',
  receiving: 'receiving',
  finishing: 'settling',
  done: 'cloned',
  booted: 'phoned home',
};

/** What the golden says and what the machine does are heard within this time of each other. */
const TOGETHER_MS = 10_000;

export class ProgressOfMachine {
  readonly machine: Machine;
  readonly timeline: Timeline;
  /** What the golden calls it. */
  hostName: string | undefined;
  number: number | undefined;
  state: NodeState | undefined;
  why: string | undefined;
  /** Where its console stood when it was switched on. */
  #switchedOnAt = 0;
  /** Where its console stood when it restarted as a clone. */
  #restartedAt: number | undefined;
  /** Its last restart, and where its console stood then. */
  #lastReset: { ms: number; at: number } | undefined;

  constructor(machine: Machine, say: (line: string) => void) {
    this.machine = machine;
    this.timeline = new Timeline(machine.name, say);
    machine.on('reset', this.#onReset);
    machine.on('text', this.#onText);
  }

  powerOn(): void {
    this.#switchedOnAt = this.machine.text.length;
    this.timeline.start();
    this.machine.powerOn();
  }

  /** It runs from its own disk, under its own name, and has said so. */
  get isHome(): boolean {
    return this.timeline.has('phoned home') && this.timeline.has('login prompt');
  }

  onNode(event: NodeEvent): void {
    const { name, node, state, why, failure } = event;
    this.hostName = name;
    this.number = node;
    this.state = state;
    this.why = failure?.message ?? why;
    const milestone = milestoneOf[state];
    if (milestone === 'receiving' && !this.timeline.has('stage2 received')) return;
    if (milestone) this.timeline.reach(milestone, state === 'waiting' ? name : '');
    if (milestone === 'cloned') this.#look();
    else if (this.why !== undefined) this.timeline.note(`${state}: ${this.why}`);
  }

  onStep({ step, state, failure }: StepEvent): void {
    if (step === 'enter stage2' && state === 'finish') this.timeline.reach('stage2 received');
    if (state === 'fail') this.timeline.note(`${step} failed: ${failure?.message ?? 'no reason'}`);
  }

  #onReset = (): void => {
    this.#lastReset = { ms: Date.now(), at: this.machine.text.length };
    this.#look();
  };

  /** The machine may be heard to restart before the golden is heard to say that it is cloned. */
  #look(): void {
    const reset = this.#lastReset;
    if (reset === undefined || !this.timeline.has('cloned')) return;
    if (Date.now() - reset.ms > TOGETHER_MS) return;
    this.timeline.reach('rebooted');
    this.#restartedAt = reset.at;
  }

  #onText = (): void => {
    const { text } = this.machine;
    if (/Welcome to Ka/.test(text.slice(this.#switchedOnAt))) this.timeline.reach('agent up');
    if (this.#restartedAt === undefined || this.hostName === undefined) return;
    const prompt = /^(\S+) login:/m.exec(text.slice(this.#restartedAt));
    if (prompt?.[1] === this.hostName) this.timeline.reach('login prompt', prompt[0]);
  };
}
