/** What to do when a link to the upstream ends. Decides only: no sockets, no clock. */
import { REDIAL_FIRST_MS, REDIAL_LONGEST_MS } from './tuning.ts';

/**
 * `lost`: closed, refused or silent. `damaged`: bytes that failed their check.
 * `declined`: the upstream does not expect this node.
 */
export type LinkEnd = 'lost' | 'damaged' | 'declined';

export interface RedialDecision {
  delayMs: number;
  /** Trouble to report now; each is reported once until bytes arrive again. */
  report: 'upstream-lost' | 'damaged' | null;
}

/** An upstream may know already that this node's order is no longer the newest; it declines so often before that is trouble. */
export const DECLINED_UNREPORTED = 2;

export class Redial {
  #failures = 0;
  #damagedAt = -1;
  #declined = 0;
  #reported = new Set<string>();

  /** A new upstream, or verified bytes from this one. */
  reset(): void {
    this.#failures = 0;
    this.#damagedAt = -1;
    this.#declined = 0;
    this.#reported.clear();
  }

  /** The link ended with everything below `position` verified. */
  ended(how: LinkEnd, position: number): RedialDecision {
    if (how === 'damaged' && this.#damagedAt !== position) {
      // Once is an accident: fetch it again at once.
      this.#damagedAt = position;
      return { delayMs: 0, report: null };
    }
    this.#failures += 1;
    const delayMs = Math.min(REDIAL_FIRST_MS * 2 ** (this.#failures - 1), REDIAL_LONGEST_MS);
    if (how === 'declined') {
      this.#declined += 1;
      if (this.#declined <= DECLINED_UNREPORTED) return { delayMs, report: null };
    }
    const what = how === 'damaged' ? 'damaged' : 'upstream-lost';
    if (this.#reported.has(what)) return { delayMs, report: null };
    this.#reported.add(what);
    return { delayMs, report: what };
  }
}
