/** The golden's end of the model's chain: a source as fast as its line, the ring, the first node behind it. */
import { ModelOutlet } from './model-outlet.ts';
import { contentOf, ModelRing } from './model-ring.ts';
import type { World } from './world.ts';

export class ModelOrigin {
  readonly ring: ModelRing;
  readonly outlet: ModelOutlet;
  readonly #world: World;
  readonly #pass: number;
  readonly #onEnded: () => void;
  #closed = false;

  constructor(world: World, pass: number, onEnded: () => void) {
    this.#world = world;
    this.#pass = pass;
    this.#onEnded = onEnded;
    this.ring = new ModelRing(world.scenario.ringBytes, 'the golden', () => world.clock.nowMs);
    this.outlet = new ModelOutlet(world, world.node(0), pass, this.ring, {
      onAck: () => this.#released(),
      onSilent: () => {
        if (!this.ended || !this.outlet.book.hasArrived(this.ring.verified)) world.session.silent();
      },
    });
    world.node(0).outlet = this.outlet;
  }

  /** The source has given everything. */
  get ended(): boolean {
    return this.ring.verified >= this.#world.scenario.totalBytes;
  }

  /** Puts into the ring what has room. */
  fill(): void {
    if (this.#closed || this.ended) return;
    while (this.ring.hasRoom && !this.ended) {
      this.ring.put(contentOf(this.#pass, this.ring.verified));
    }
    this.outlet.pump();
    if (this.ended) this.#onEnded();
  }

  close(): void {
    this.#closed = true;
    this.outlet.close();
    const golden = this.#world.node(0);
    golden.outlet = null;
    for (const link of [...golden.links]) link.closeUp();
  }

  #released(): void {
    const { ring } = this;
    const { book } = this.outlet;
    ring.release(
      this.#world.rules.forgettable(ring.verified, Number.POSITIVE_INFINITY, book.floor),
    );
    this.fill();
  }
}
