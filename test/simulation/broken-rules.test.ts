import { describe, expect, test } from '@jest/globals';
import { DEFAULT_REDUNDANCY } from '../../protocol/constants.ts';
import type { LinkPeer } from '../../protocol/control.ts';
import { DownstreamBook } from '../../relay/downstream-book.ts';
import { BROKEN_RUNS } from './amounts.ts';
import { type Rules, realRules } from './rules.ts';
import { drawScenario } from './scenario.ts';
import { simulate } from './simulate.ts';
import { Violation } from './violation.ts';

/** What the simulation says of these rules within `BROKEN_RUNS`; undefined = nothing. */
const complaint = (rules: Rules): string | undefined => {
  for (let seed = 1; seed <= BROKEN_RUNS; seed += 1) {
    try {
      simulate(drawScenario(seed, { nodes: [2, 12], frames: [20, 150] }), rules);
    } catch (error) {
      if (error instanceof Violation) return error.message;
      throw error;
    }
  }
  return undefined;
};

const withBook = (newBook: () => DownstreamBook): Rules => ({ ...realRules, newBook });

/** Waits for the next node only. */
class ForgetsTooSoon extends DownstreamBook {
  override get floor(): number {
    return this.acks[0] ?? Number.POSITIVE_INFINITY;
  }
}

/** Goes on expecting the first node it was told of, whatever the golden says later. */
class StaysWithTheFirst extends DownstreamBook {
  #first: LinkPeer | null = null;

  override order(epoch: number, downstream: LinkPeer | null, oldest: number): void {
    this.#first ??= downstream;
    super.order(epoch, this.#first, oldest);
  }
}

/** Thinks that a new downstream has what the one before had. */
class TrustsNewcomers extends DownstreamBook {
  override order(epoch: number, downstream: LinkPeer | null, oldest: number): void {
    const [first] = this.acks;
    super.order(epoch, downstream, oldest);
    if (downstream !== null && first !== undefined) this.acknowledge([first]);
  }
}

describe('the simulation finds out that', () => {
  test('bytes are forgotten as soon as the next node has them', () => {
    expect(complaint(withBook(() => new ForgetsTooSoon(DEFAULT_REDUNDANCY)))).toMatch(
      /no longer has/,
    );
  });

  test('bytes are kept for one node less than promised', () => {
    expect(complaint(withBook(() => new DownstreamBook(DEFAULT_REDUNDANCY - 1)))).toMatch(
      /no longer has/,
    );
  });

  test('bytes are forgotten before the own disk has them', () => {
    const rules = {
      ...realRules,
      forgettable: (verified: number, _drained: number, floor: number) => Math.min(verified, floor),
    };
    expect(complaint(rules)).toMatch(/wrong bytes/);
  });

  test('a second order changes nothing', () => {
    expect(complaint(withBook(() => new StaysWithTheFirst(DEFAULT_REDUNDANCY)))).toBeDefined();
  });

  test('a new downstream is trusted to have what the old one had', () => {
    expect(complaint(withBook(() => new TrustsNewcomers(DEFAULT_REDUNDANCY)))).toMatch(
      /no longer has/,
    );
  });
});
