/** Goldens that were tried and are no good: left alone for a while. */
import type { FoundGolden } from './discover.ts';

const WHILE_MS = 60_000;
const MOST = 256;

export class Shunned {
  readonly #goldens = new Map<string, { untilMs: number; why: string }>();

  add(golden: Pick<FoundGolden, 'host' | 'port'>, why: string): void {
    const [oldest] = this.#goldens.keys();
    if (this.#goldens.size >= MOST && oldest !== undefined) this.#goldens.delete(oldest);
    this.#goldens.set(keyOf(golden), { untilMs: Date.now() + WHILE_MS, why });
  }

  /** Why this one is left alone now; undefined when it is not. */
  why(golden: Pick<FoundGolden, 'host' | 'port'>): string | undefined {
    const found = this.#goldens.get(keyOf(golden));
    return found && found.untilMs > Date.now() ? found.why : undefined;
  }
}

const keyOf = ({ host, port }: Pick<FoundGolden, 'host' | 'port'>): string => `${host}:${port}`;
