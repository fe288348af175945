/** All parts of one run, what they share, and what must never happen. */
import { DEFAULT_REDUNDANCY, HEARTBEAT_MS, HEARTBEATS_MISSED } from '../../protocol/constants.ts';
import type { Control } from './control-channel.ts';
import { ModelNode } from './model-node.ts';
import { FRAME } from './model-ring.ts';
import { ModelSession } from './model-session.ts';
import { type Random, randomOf } from './random.ts';
import type { Rules } from './rules.ts';
import type { Scenario } from './scenario.ts';
import { Violation } from './violation.ts';
import { VirtualClock } from './virtual-clock.ts';

export class World {
  readonly scenario: Scenario;
  readonly rules: Rules;
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly session: ModelSession;
  readonly latencyMs: number;
  gone = 0;
  readonly #nodes: readonly ModelNode[];
  /** Pairs between which nothing arrives, as "from > to". */
  readonly #dead = new Set<number>();
  readonly #leftMs = new Map<number, number>();
  #killAttached: number;

  constructor(scenario: Scenario, rules: Rules) {
    this.scenario = scenario;
    this.rules = rules;
    // Another sequence than the one the scenario was drawn from.
    this.random = randomOf(~scenario.seed);
    this.latencyMs = scenario.latencyMs;
    this.#killAttached = scenario.killAttached;
    const count = scenario.nodes + 1;
    this.#nodes = Array.from({ length: count }, (_, number) => new ModelNode(this, number));
    this.session = new ModelSession(this);
  }

  /** 0 is the golden. */
  node(number: number): ModelNode {
    const node = this.#nodes[number];
    if (node === undefined) throw new Violation(`there is no node ${number}`);
    return node;
  }

  /** All nodes, without the golden. */
  get nodes(): readonly ModelNode[] {
    return this.#nodes.slice(1);
  }

  /** Whether packets are lost on this way. */
  blocked(from: ModelNode, to: ModelNode): boolean {
    if (from.cut || to.cut) return true;
    return this.#dead.size > 0 && this.#dead.has(this.#pair(from, to));
  }

  /** How long a frame takes on the line. */
  frameMs(from: ModelNode, to: ModelNode): number {
    return FRAME / (this.scenario.bytesPerMs * Math.min(from.lineShare, to.lineShare));
  }

  /** Delay of one control message. */
  controlMs(): number {
    return this.random.between(this.latencyMs, this.scenario.controlMs);
  }

  block(from: ModelNode, to: ModelNode): void {
    this.#dead.add(this.#pair(from, to));
  }

  unblock(from: ModelNode, to: ModelNode): void {
    this.#dead.delete(this.#pair(from, to));
    for (const link of [...from.links]) if (link.up === to || link.down === to) link.wake();
  }

  /** A node cannot be reached any more: the golden gives it up when too many heartbeats are missed. */
  missHeartbeats(node: ModelNode, control: Control): void {
    const { recoveries } = node;
    const beatMs = (node.number * 131) % HEARTBEAT_MS;
    const nextMs = Math.ceil((this.clock.nowMs - beatMs) / HEARTBEAT_MS) * HEARTBEAT_MS + beatMs;
    this.clock.at(nextMs + HEARTBEATS_MISSED * HEARTBEAT_MS, () => {
      if (node.control !== control || node.recoveries === recoveries) this.giveUp(node, control);
    });
  }

  giveUp(node: ModelNode, control: Control): void {
    if (control.givenUp) return;
    control.givenUp = true;
    control.toNode.close();
    control.toGolden.close();
    this.session.lose(node, control);
  }

  /** A node has left the chain of the running pass. */
  left(node: number): void {
    this.#leftMs.set(node, this.clock.nowMs);
  }

  /** Orders go out because a node has left: the next fault may hit the repair. */
  ordered(nodes: readonly number[]): void {
    const attached = nodes.at(-1);
    if (attached === undefined || this.#killAttached === 0) return;
    this.#killAttached -= 1;
    this.clock.after(this.random.between(0, 100), () => this.node(attached).kill());
  }

  /**
   * `up` has told `down` that its position is gone. Right only when k or more
   * nodes between them have left since `up` forgot it: k had it then.
   */
  checkGone(up: number, down: number, releasedMs: number): void {
    const { pass } = this.session;
    this.gone += 1;
    if (pass === null || !pass.keeper.nodes.includes(down)) return;
    const { nodes } = pass;
    const between = nodes.slice(nodes.indexOf(up) + 1, nodes.indexOf(down));
    // Those around a node that has left learn of it by an order, `up` from them link by link.
    const newsMs = 2 * this.scenario.controlMs + (DEFAULT_REDUNDANCY - 1) * this.latencyMs;
    const sinceMs = releasedMs - newsMs;
    const lost = between.filter((node) => (this.#leftMs.get(node) ?? -1) > sinceMs);
    if (lost.length >= DEFAULT_REDUNDANCY) return;
    throw new Violation(
      `node ${up} no longer has what node ${down} needs, though only ${lost.length} that had it are out (${lost.join(', ')})`,
    );
  }

  #pair(from: ModelNode, to: ModelNode): number {
    return from.number * this.#nodes.length + to.number;
  }
}
