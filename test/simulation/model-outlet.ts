/** The downstream side of a place in the model's chain: the real book, and links without sockets. */
import type { LinkPeer } from '../../protocol/control.ts';
import type { LinkGet } from '../../protocol/link.ts';
import type { Admission, DownstreamBook } from '../../relay/downstream-book.ts';
import { SILENCE_MS } from '../../relay/tuning.ts';
import type { ModelLink } from './model-link.ts';
import type { ModelNode } from './model-node.ts';
import type { ModelRing } from './model-ring.ts';
import type { World } from './world.ts';

export interface OutletHandlers {
  onAck(): void;
  /** The active downstream has not said anything for `SILENCE_MS`. */
  onSilent(): void;
}

export class ModelOutlet {
  readonly ring: ModelRing;
  readonly book: DownstreamBook;
  readonly #world: World;
  readonly #node: ModelNode;
  readonly #pass: number;
  readonly #handlers: OutletHandlers;
  #heardMs = 0;
  #active: ModelLink | null = null;
  /** Links whose requests wait for another order. */
  readonly #held = new Set<ModelLink>();

  constructor(
    world: World,
    node: ModelNode,
    pass: number,
    ring: ModelRing,
    handlers: OutletHandlers,
  ) {
    this.#world = world;
    this.#node = node;
    this.#pass = pass;
    this.ring = ring;
    this.book = world.rules.newBook();
    this.#handlers = handlers;
  }

  get idle(): boolean {
    return this.#active === null || this.#active.sent >= this.ring.verified;
  }

  order(epoch: number, downstream: LinkPeer | null): void {
    this.book.order(epoch, downstream, this.ring.oldest);
    if (this.#active !== null && this.#active.down.number !== this.book.node) this.#drop();
    for (const link of [...this.#held]) link.consider(this);
    this.#handlers.onAck();
  }

  admit(link: ModelLink, get: LinkGet, proves: (key: string) => boolean): Admission {
    const pass = this.#pass;
    const answer = this.book.admit(get, proves, { pass, oldest: this.ring.oldest });
    if (answer === 'hold') this.#held.add(link);
    else this.#held.delete(link);
    if (typeof answer === 'string') return answer;
    if (answer.status === 'gone') {
      const releasedMs = this.ring.releasedMs(get.position);
      this.#world.checkGone(this.#node.number, get.node, releasedMs);
    }
    if (answer.status !== 'ok') return answer;
    this.#drop();
    this.#active = link;
    this.#heardMs = this.#world.clock.nowMs;
    this.#listen(link, SILENCE_MS);
    return answer;
  }

  close(): void {
    this.#active = null;
  }

  pump(): void {
    this.#active?.pump();
  }

  onAck(link: ModelLink, acks: readonly number[]): void {
    if (link !== this.#active) return;
    this.#heardMs = this.#world.clock.nowMs;
    this.book.acknowledge(acks);
    this.#handlers.onAck();
  }

  onEnd(link: ModelLink): void {
    if (link === this.#active) this.#active = null;
  }

  #listen(link: ModelLink, forMs: number): void {
    this.#node.after(forMs, () => {
      if (this.#active !== link) return;
      const sinceMs = Math.max(this.#heardMs, this.#node.runningSinceMs);
      const silentMs = this.#world.clock.nowMs - sinceMs;
      if (silentMs >= SILENCE_MS) this.#handlers.onSilent();
      this.#listen(link, silentMs >= SILENCE_MS ? SILENCE_MS : SILENCE_MS - silentMs + 1);
    });
  }

  #drop(): void {
    this.#active?.closeUp();
    this.#active = null;
  }
}
