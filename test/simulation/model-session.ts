/**
 * The golden's session in the model: states of nodes, passes one after the
 * other, as `golden/session.ts` and `golden/pass.ts` carry them out. Who is
 * taken out of the chain and why is decided by the real chain keeper.
 */
import {
  type Bypass,
  ChainKeeper,
  type NodeReport,
  type Orders,
} from '../../golden/chain-keeper.ts';
import { inOrderOf } from '../../golden/chain-order.ts';
import { isLastPass, LAST_PASS_REST_MS, MAX_PASSES } from '../../golden/member.ts';
import { GOLDEN_NODE } from '../../protocol/constants.ts';
import type { NodeState } from '../../protocol/events.ts';
import type { TroubleName } from '../../relay/hop.ts';
import type { Control } from './control-channel.ts';
import type { ModelNode } from './model-node.ts';
import { ModelOrigin } from './model-origin.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

const TICK_MS = 250;
const PREPARE_GRACE_MS = 60_000;

interface Member {
  node: ModelNode;
  state: NodeState;
  control: Control | null;
  passes: number;
  why: string;
}

interface RunningPass {
  number: number;
  keeper: ChainKeeper;
  origin: ModelOrigin;
  /** All that were in it to begin with, in chain order. */
  nodes: readonly number[];
  startedMs: number;
}

const finalStates: ReadonlySet<NodeState> = new Set(['done', 'failed', 'lost', 'refused']);

export class ModelSession {
  readonly members = new Map<number, Member>();
  pass: RunningPass | null = null;
  passes = 0;
  over = false;
  /** How long the first pass took, from the first order to the last node's word. */
  firstPassMs = 0;
  readonly #world: World;
  #stage: 'settling' | 'preparing' | 'pass' = 'settling';
  #grace: 'none' | 'running' | 'over' = 'none';
  #rest: 'none' | 'running' | 'over' = 'none';
  #sent = 0;
  #ticks = 0;
  #linkKeys = 0;

  constructor(world: World) {
    this.#world = world;
  }

  // What nodes say

  hello(node: ModelNode, control: Control): void {
    if (this.over) {
      node.tooLate = true;
      return;
    }
    const known = this.members.get(node.number);
    if (known?.state === 'done') return;
    if (known !== undefined) {
      known.control?.toNode.close();
      this.#drop(known);
      known.control = control;
      this.#set(known, 'waiting', 'joined again');
      return;
    }
    const member: Member = { node, state: 'waiting', control, passes: 0, why: '' };
    this.members.set(node.number, member);
  }

  prepared(node: ModelNode): void {
    this.#advance(node, 'preparing', 'ready');
  }

  received(node: ModelNode): void {
    this.#advance(node, 'receiving', 'received');
  }

  completed(node: ModelNode): void {
    this.#advance(node, 'finishing', 'done');
  }

  failed(node: ModelNode): void {
    const member = this.#member(node);
    if (finalStates.has(member.state)) return;
    this.#drop(member);
    this.#set(member, 'failed', 'sink failed');
  }

  position(node: ModelNode, pass: number, report: NodeReport): void {
    if (this.pass?.number !== pass) return;
    this.pass.keeper.report(node.number, report, this.#world.clock.nowMs);
  }

  /** The golden's own end hears nothing from the first node. */
  silent(): void {
    const { keeper } = this.pass ?? {};
    if (keeper)
      this.#takeOut(keeper.silent(GOLDEN_NODE, keeper.epoch, 'silent', this.#world.clock.nowMs));
  }

  trouble(node: ModelNode, pass: number, epoch: number, what: TroubleName, message: string): void {
    const { keeper, number } = this.pass ?? {};
    if (number !== pass || !keeper?.nodes.includes(node.number)) return;
    if (what === 'gone') this.#bypass(this.#member(node), message);
    if (what === 'downstream-silent')
      this.#takeOut(keeper.silent(node.number, epoch, message, this.#world.clock.nowMs));
    if (what === 'upstream-lost' || what === 'damaged') {
      keeper.complain(node.number, message, this.#world.clock.nowMs);
    }
  }

  /** Its control link is closed, or silent for too long. */
  lose(node: ModelNode, control: Control): void {
    const member = this.#member(node);
    if (member.control !== control) return;
    member.control = null;
    this.#drop(member);
    if (!finalStates.has(member.state)) this.#set(member, 'lost', 'lost');
  }

  /** Decides what is next; to be called after each change. */
  step(): void {
    if (this.over) return;
    if (this.#stage === 'settling') this.#settle();
    else if (this.#stage === 'preparing') this.#prepared();
    else this.#passDone();
  }

  #settle(): void {
    const pending = [...this.members.values()].filter(
      ({ state, control }) => (state === 'waiting' || state === 'bypassed') && control !== null,
    );
    if (this.#rest !== 'over' && pending.some(isLastPass)) {
      if (this.#rest === 'running') return;
      this.#rest = 'running';
      this.#world.clock.after(LAST_PASS_REST_MS, () => {
        this.#rest = 'over';
        this.step();
      });
      return;
    }
    this.#rest = 'none';
    for (const member of pending) {
      if (member.passes >= MAX_PASSES) {
        member.state = 'failed';
        member.why = `too many passes: ${member.why}`;
        continue;
      }
      member.state = 'preparing';
      member.control?.toNode.send(() => member.node.prepare());
    }
    if (this.#count('preparing', 'ready') > 0) {
      this.#stage = 'preparing';
      this.#grace = 'none';
      this.#prepared();
    } else if ([...this.members.values()].every(({ state }) => finalStates.has(state))) {
      this.over = true;
      this.#world.clock.stop();
    }
  }

  #prepared(): void {
    if (this.#count('preparing') > 0 && this.#grace !== 'over') {
      if (this.#grace === 'none' && this.#count('ready') > 0) {
        this.#grace = 'running';
        const { passes } = this;
        this.#world.clock.after(PREPARE_GRACE_MS, () => {
          if (passes !== this.passes || this.#stage !== 'preparing') return;
          this.#grace = 'over';
          this.step();
        });
      }
      return;
    }
    const ready = [...this.members.values()].filter(({ state }) => state === 'ready');
    this.#stage = 'settling';
    if (ready.length === 0) this.#settle();
    else this.#startPass(ready);
  }

  #startPass(members: Member[]): void {
    const { scenario, clock } = this.#world;
    this.#stage = 'pass';
    this.passes += 1;
    const number = this.passes;
    const place = (node: number) => ({ node, host: `${node}`, port: 1 });
    const keeper = new ChainKeeper({
      pass: number,
      golden: place(0),
      chain: inOrderOf(number, members).map(({ node }) => place(node.number)),
      ringBytes: scenario.ringBytes,
      slow: { policy: scenario.slow, share: 0.5 },
      lastChance: new Set(members.filter(isLastPass).map(({ node }) => node.number)),
      newKey: () => {
        this.#linkKeys += 1;
        return `${this.#linkKeys}`;
      },
    });
    const { epoch, first, orders } = keeper.begin(clock.nowMs);
    const origin = new ModelOrigin(this.#world, number, () => this.step());
    this.pass = { number, keeper, origin, nodes: keeper.nodes, startedMs: clock.nowMs };
    this.#sent = 0;
    for (const member of members) {
      member.passes += 1;
      member.state = 'receiving';
      const order = orders.get(member.node.number);
      if (order) member.control?.toNode.send(() => member.node.receive(order));
    }
    origin.outlet.order(epoch, first);
    origin.fill();
    this.#tick(this.pass);
  }

  #tick(pass: RunningPass): void {
    this.#world.clock.after(TICK_MS, () => {
      if (this.pass !== pass) return;
      this.#ticks += 1;
      // The golden looks at its own position each 500 ms.
      if (this.#ticks % 2 === 0) this.#sent = pass.origin.ring.verified;
      for (const { node, why } of pass.keeper.tick(this.#sent, this.#world.clock.nowMs)) {
        this.#takeOut({ node, why });
      }
      this.#tick(pass);
    });
  }

  #passDone(): void {
    const { pass } = this;
    if (pass === null) return;
    const { nodes } = pass.keeper;
    const busy = nodes.some((node) => this.members.get(node)?.state === 'receiving');
    if (nodes.length > 0 && (busy || !pass.origin.ended)) return;
    pass.origin.close();
    if (pass.number === 1) this.firstPassMs = this.#world.clock.nowMs - pass.startedMs;
    this.pass = null;
    for (const member of this.members.values()) {
      if (member.state !== 'received') continue;
      member.state = 'finishing';
      member.control?.toNode.send(() => member.node.complete());
    }
    this.#stage = 'settling';
    this.#settle();
  }

  #advance(node: ModelNode, from: NodeState, to: NodeState): void {
    const member = this.#member(node);
    if (member.state === from) this.#set(member, to, '');
  }

  #bypass(member: Member, why: string): void {
    member.control?.toNode.send(() => member.node.closeHop());
    this.#drop(member);
    this.#set(member, 'bypassed', why);
  }

  #takeOut(bypass: Bypass | undefined): void {
    const member = bypass && this.members.get(bypass.node);
    if (!member) return;
    if (member.state === 'receiving') this.#bypass(member, bypass.why);
    else this.#drop(member);
  }

  #drop(member: Member): void {
    const { pass } = this;
    const orders = pass?.keeper.leave(member.node.number);
    if (!pass || !orders) return;
    this.#world.left(member.node.number);
    this.#order(pass, orders);
    this.step();
  }

  #order({ origin }: RunningPass, { epoch, first, orders }: Orders): void {
    origin.outlet.order(epoch, first);
    for (const [number, order] of orders) {
      const member = this.members.get(number);
      member?.control?.toNode.send(() => member.node.follow(order));
    }
    this.#world.ordered([...orders.keys()]);
  }

  #set(member: Member, state: NodeState, why: string): void {
    member.state = state;
    member.why = why;
    this.step();
  }

  #count(...states: NodeState[]): number {
    let count = 0;
    for (const { state } of this.members.values()) if (states.includes(state)) count += 1;
    return count;
  }

  #member(node: ModelNode): Member {
    const member = this.members.get(node.number);
    if (member === undefined) throw new Violation(`node ${node.number} speaks before its hello`);
    return member;
  }
}
