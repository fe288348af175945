/**
 * Who may dial in, and what is known of the nodes behind this one. Decides
 * only: no sockets, no clock.
 */
import type { LinkPeer } from '../protocol/control.ts';
import type { LinkAnswer, LinkGet } from '../protocol/link.ts';

/**
 * An answer, or what else becomes of a request: `hold` it, since the order with
 * the key it may be proved with can come a moment later; or `decline` it.
 */
export type Admission = LinkAnswer | 'hold' | 'decline';

export class DownstreamBook {
  readonly #redundancy: number;
  /** The node expected to dial, and the key of its link; null = this is the last of the chain. */
  #peer: LinkPeer | null = null;
  /** Of the last order; -1 = none yet. */
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
    return this.#peer?.node ?? null;
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
    return this.#peer === null || (this.#acks[0] ?? 0) >= position;
  }

  /**
   * The golden's decision. `oldest` is the oldest position still kept. An order
   * older than the last changes nothing.
   */
  order(epoch: number, downstream: LinkPeer | null, oldest: number): void {
    if (epoch < this.#epoch) return;
    this.#epoch = epoch;
    if (downstream === null) {
      this.#acks = [];
    } else if (downstream.node !== this.#peer?.node) {
      // The new one and those behind it were behind the old one: they need nothing below its floor.
      this.#acks = [this.#acks.length === 0 ? oldest : this.floor];
    }
    this.#peer = downstream;
  }

  /**
   * Decides on a request; `proves` tells whether it is proved with the key of a
   * link. `oldest` as above.
   */
  admit(
    get: LinkGet,
    proves: (key: string) => boolean,
    { pass, oldest }: { pass: number; oldest: number },
  ): Admission {
    if (get.pass !== pass) return 'decline';
    if (this.#peer?.node === get.node && proves(this.#peer.key)) {
      return get.position < oldest
        ? { status: 'gone', position: oldest }
        : { status: 'ok', position: get.position };
    }
    return get.epoch > this.#epoch ? 'hold' : 'decline';
  }

  /** What the downstream says it and those behind it have. */
  acknowledge(positions: readonly number[]): void {
    this.#acks = positions.slice(0, this.#redundancy);
  }

  /** What this node tells its upstream. */
  report(received: number): number[] {
    return [received, ...this.#acks].slice(0, this.#redundancy);
  }
}
