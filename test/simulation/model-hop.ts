/**
 * A node's place in the model's chain: `relay/hop.ts` with its own decisions
 * (book, redial, hop rules), and without sockets, frames and sinks.
 */
import { ACK_INTERVAL_MS } from '../../protocol/constants.ts';
import type { ChainOrder } from '../../protocol/control.ts';
import type { LinkAnswer } from '../../protocol/link.ts';
import type { TroubleName } from '../../relay/hop.ts';
import {
  acknowledgeAtTick,
  acknowledgeNow,
  acknowledgeStep,
  linkFor,
  samePositions,
} from '../../relay/hop-rules.ts';
import { type LinkEnd, Redial } from '../../relay/redial.ts';
import { KEEP_ALIVE_MS } from '../../relay/tuning.ts';
import { ModelLink } from './model-link.ts';
import type { ModelNode } from './model-node.ts';
import { ModelOutlet } from './model-outlet.ts';
import { contentOf, FRAME, ModelRing } from './model-ring.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

export interface HopHandlers {
  trouble(what: TroubleName, message: string): void;
  finished(): void;
}

type Waiting = 'upstream' | 'sink' | 'downstream';

export class ModelHop {
  readonly node: ModelNode;
  readonly pass: number;
  readonly ring: ModelRing;
  readonly outlet: ModelOutlet;
  /** Position up to which the disk of this node has the golden's bytes; ∞ once the sink failed. */
  drained = 0;
  closed = false;
  readonly #world: World;
  readonly #handlers: HopHandlers;
  readonly #redial = new Redial();
  readonly #totalBytes: number;
  readonly #ackBytes: number;
  #order: ChainOrder | null = null;
  #link: ModelLink | null = null;
  #verifiedAtTick = 0;
  #dials = 0;
  #reported: readonly number[] = [];
  #ackDue = false;
  #writing = false;
  #finished = false;
  #waiting: Waiting | null = null;
  #waitingSinceMs: number;
  #waits = { upstream: 0, sink: 0, downstream: 0 };

  constructor(world: World, node: ModelNode, pass: number, handlers: HopHandlers) {
    const { ringBytes, totalBytes } = world.scenario;
    this.#world = world;
    this.node = node;
    this.pass = pass;
    this.#handlers = handlers;
    this.#totalBytes = totalBytes;
    this.#ackBytes = acknowledgeStep(ringBytes);
    this.#waitingSinceMs = world.clock.nowMs;
    this.ring = new ModelRing(ringBytes, `node ${node.number}`, () => world.clock.nowMs);
    this.outlet = new ModelOutlet(world, node, pass, this.ring, {
      onAck: () => this.#acknowledged(),
      onSilent: () => {
        if (!this.#all || !this.outlet.book.hasArrived(this.ring.verified)) {
          handlers.trouble('downstream-silent', 'nothing from downstream');
        }
      },
    });
    this.#keepAlive();
  }

  follow(order: ChainOrder): void {
    if (this.closed) return;
    const change = linkFor(this.#order, order, this.#link !== null);
    if (change === 'ignore') return;
    this.#order = order;
    this.outlet.order(order.epoch, order.downstream);
    if (change === 'keep') return;
    this.#redial.reset();
    this.#dial();
  }

  /** As `HopStats`; the times waited since the last call in milliseconds. */
  stats(): {
    received: number;
    drained: number;
    linked: boolean;
    waiting: Record<Waiting, number>;
  } {
    this.#settleWait();
    const waiting = this.#waits;
    this.#waits = { upstream: 0, sink: 0, downstream: 0 };
    const received = this.ring.verified;
    const linked = this.#link?.connected ?? false;
    return { received, drained: Math.min(this.drained, received), linked, waiting };
  }

  close(): void {
    this.closed = true;
    this.outlet.close();
    this.#hangUp();
  }

  answered(link: ModelLink, answer: LinkAnswer): void {
    if (link !== this.#link) return;
    if (answer.status === 'ok') {
      this.#report();
    } else {
      this.#hangUp();
      this.#handlers.trouble('gone', `only from ${answer.position} on`);
    }
  }

  /** One frame has come; false when it is damaged. */
  take(content: number): boolean {
    if (content !== contentOf(this.pass, this.ring.verified)) return false;
    this.ring.put(content);
    this.#redial.reset();
    this.outlet.pump();
    if (this.#all || this.ring.verified - (this.#reported[0] ?? 0) >= this.#ackBytes) {
      this.#report();
    } else {
      this.#reportSoon();
    }
    this.noteWait();
    this.#drain();
    return true;
  }

  linkEnded(link: ModelLink, how: LinkEnd): void {
    if (link !== this.#link || this.closed) return;
    this.#link = null;
    this.noteWait();
    const { delayMs, report } = this.#redial.ended(how, this.ring.verified);
    if (report !== null && !this.#all) this.#handlers.trouble(report, `link to upstream ${how}`);
    const dials = this.#dials;
    this.node.after(delayMs, () => {
      if (dials === this.#dials) this.#dial();
    });
  }

  /** The disk takes nothing more. */
  failSink(): void {
    if (this.closed) return;
    this.drained = Number.POSITIVE_INFINITY;
    this.#released();
  }

  noteWait(): void {
    let waiting: Waiting | null = null;
    if (this.#link?.paused) {
      waiting = this.drained <= this.outlet.book.floor ? 'sink' : 'downstream';
    } else if (!this.#writing && this.outlet.idle) {
      waiting = 'upstream';
    }
    if (waiting === this.#waiting) return;
    this.#settleWait();
    this.#waiting = waiting;
  }

  get #all(): boolean {
    return this.ring.verified >= this.#totalBytes;
  }

  #settleWait(): void {
    const now = this.#world.clock.nowMs;
    if (this.#waiting !== null) this.#waits[this.#waiting] += now - this.#waitingSinceMs;
    this.#waitingSinceMs = now;
  }

  #dial(): void {
    this.#hangUp();
    if (this.#order === null || this.closed) return;
    this.#link = new ModelLink(this.#world, this, this.#order);
  }

  #hangUp(): void {
    this.#dials += 1;
    this.#link?.closeDown();
    this.#link = null;
  }

  #acknowledged(): void {
    this.#released();
    if (this.#link === null) return;
    const now = this.outlet.book.report(this.ring.verified);
    const tail = this.#all && !samePositions(now, this.#reported);
    if (tail || acknowledgeNow(now, this.#reported, this.#ackBytes)) this.#report();
    else this.#reportSoon();
  }

  #released(): void {
    const { ring } = this;
    const { book } = this.outlet;
    ring.release(this.#world.rules.forgettable(ring.verified, this.drained, book.floor));
    if (ring.hasRoom) this.#link?.resume();
    this.noteWait();
    if (this.#finished || !this.#all || this.drained < this.#totalBytes) return;
    if (!book.hasArrived(ring.verified)) return;
    this.#finished = true;
    // With a failed sink there is nothing to be told of.
    if (this.drained === this.#totalBytes) this.#handlers.finished();
  }

  #drain(): void {
    if (this.#writing || this.closed || this.drained >= this.ring.verified) return;
    const frameMs = this.node.sinkFrameMs();
    if (frameMs === 0) {
      while (this.drained < this.ring.verified) this.#drainOne();
      this.#released();
      return;
    }
    this.#writing = true;
    this.node.after(frameMs, () => {
      this.#writing = false;
      if (this.closed) return;
      if (this.drained < this.ring.verified) this.#drainOne();
      this.#released();
      this.#drain();
    });
  }

  #drainOne(): void {
    if (this.ring.read(this.drained) !== contentOf(this.pass, this.drained)) {
      throw new Violation(`node ${this.node.number} writes wrong bytes at ${this.drained}`);
    }
    this.drained += FRAME;
  }

  /** At the next of the ticks in which the real hop looks for something to report. */
  #reportSoon(): void {
    if (this.#ackDue) return;
    this.#ackDue = true;
    const { nowMs } = this.#world.clock;
    this.node.after(ACK_INTERVAL_MS - (nowMs % ACK_INTERVAL_MS), () => {
      this.#ackDue = false;
      if (this.closed) return;
      const now = this.outlet.book.report(this.ring.verified);
      const bytesCame = this.ring.verified !== this.#verifiedAtTick;
      this.#verifiedAtTick = this.ring.verified;
      if (acknowledgeAtTick(now, this.#reported, { bytesCame, noise: false })) this.#report();
      else if (bytesCame) this.#reportSoon();
    });
  }

  #keepAlive(): void {
    this.node.after(KEEP_ALIVE_MS, () => {
      if (this.closed) return;
      this.#report();
      this.#keepAlive();
    });
  }

  #report(): void {
    if (!this.#link?.connected) return;
    this.#reported = this.outlet.book.report(this.ring.verified);
    this.#link.acknowledge(this.#reported);
  }
}
