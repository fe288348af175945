/**
 * Who may dial in, and what is known of the nodes behind this one. Decides
 * only: no sockets, no clock.
 */
import type { LinkAnswer, LinkGet } from '../protocol/link.ts';

export class DownstreamBook {
  readonly #redundancy: number;
  /** Number of the node expected to dial; null = this is the last of the chain. */
  #node: number | null = null;
  /** The node may dial with orders from this epoch on; -1 = no order yet. */
  #since = -1;
  #epoch = -1;
  /**
   * Received positions of the nodes behind, nearest first. A node of which
   * nothing is known stands in it with the position below which it can need
   * nothing. Empty = nobody is behind.
   */
  #acks: readonly number[] = [0];

  /** `redundancy`: how many following nodes must have a byte before it is forgotten. */
  constructor(redundancy: number) {
    this.#redundancy = redundancy;
  }

  get node(): number | null {
    return this.#node;
  }

  get acks(): readonly number[] {
    return this.#acks;
  }

  /** Everything below has arrived at all the nodes this one keeps bytes for. */
  get floor(): number {
    return Math.min(...this.#acks);
  }

  /** Whether the chain behind (as ordered) has everything up to `position` in its first node. */
  hasArrived(position: number): boolean {
    if (this.#epoch < 0) return false;
    return this.#node === null || (this.#acks[0] ?? 0) >= position;
  }

  /**
   * The golden's decision. `oldest` is the oldest position still kept. An order
   * older than what is known (also from a node that dialled with a newer one)
   * changes nothing.
   */
  order(epoch: number, downstream: number | null, oldest: number): void {
    if (epoch < this.#epoch) return;
    this.#epoch = epoch;
    if (downstream === null) {
      this.#acks = [];
      this.#node = null;
      this.#since = epoch;
    } else {
      this.#expect(downstream, epoch, oldest);
    }
  }

  /** Answers a request whose proof was right. `oldest` as above. */
  admit(get: LinkGet, pass: number, oldest: number): LinkAnswer {
    const no = (status: LinkAnswer['status'], position = get.position): LinkAnswer => ({
      status,
      position,
    });
    if (get.pass !== pass) return no('refused');
    const expected = get.node === this.#node && get.epoch >= this.#since;
    // Orders reach nodes at different moments: a newer one is as good as our own.
    const ahead = get.epoch > this.#epoch;
    if (!expected && !ahead) return no('stale');
    if (get.position < oldest) return no('gone', oldest);
    if (!expected) {
      this.#epoch = get.epoch;
      this.#expect(get.node, get.epoch, oldest);
    }
    return no('ok');
  }

  /** What the downstream says it and those behind it have. */
  acknowledge(positions: readonly number[]): void {
    this.#acks = positions.slice(0, this.#redundancy);
  }

  /** What this node tells its upstream. */
  report(received: number): number[] {
    return [received, ...this.#acks].slice(0, this.#redundancy);
  }

  #expect(node: number, epoch: number, oldest: number): void {
    if (node === this.#node) return;
    // The new one and those behind it were behind the old one: they need nothing below its floor.
    this.#acks = [this.#acks.length === 0 ? oldest : this.floor];
    this.#node = node;
    this.#since = epoch;
  }
}
