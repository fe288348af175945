import type { NewEvent, SessionEvent } from '../protocol/events.ts';
import { guarded } from '../system/guard.ts';
import { seldom } from '../system/seldom.ts';
import { EventLimits } from './event-limits.ts';

export type EventListener = (event: SessionEvent) => void;

/** Steps and messages kept for a late listener; when there are twice as many the older half goes. */
const KEPT_WORDS = 10_000;

const isWords = ({ kind }: SessionEvent): boolean => kind === 'log' || kind === 'step';

/**
 * The one stream of events of a session. Listeners are called in order and at
 * once; a late listener first gets everything that happened so far, except
 * progress, which is stale by then, and words nobody can want any more. One that
 * throws is told of, and the others go on.
 */
export class EventBus {
  readonly #listeners = new Set<EventListener>();
  readonly #limits = new EventLimits();
  #history: SessionEvent[] = [];
  #words = 0;
  readonly #say = seldom((message) =>
    this.emit({ kind: 'log', node: null, level: 'error', message }),
  );

  emit = (event: NewEvent): void => {
    const admitted = this.#limits.admit(event);
    if (!admitted) return;
    const stamped: SessionEvent = { time: Date.now(), ...admitted };
    this.#remember(stamped);
    for (const listener of this.#listeners) listener(stamped);
  };

  subscribe = (listener: EventListener): (() => void) => {
    const safe = guarded(listener, ({ message }) =>
      this.#say('listener', `an output of this session failed: ${message}`),
    );
    for (const event of this.#history) safe(event);
    this.#listeners.add(safe);
    return () => this.#listeners.delete(safe);
  };

  #remember(event: SessionEvent): void {
    if (event.kind === 'progress') return;
    this.#history.push(event);
    if (isWords(event)) this.#words += 1;
    if (this.#words < 2 * KEPT_WORDS) return;
    let index = 0;
    this.#history = this.#history.filter((old) => !isWords(old) || ++index > KEPT_WORDS);
    this.#words -= KEPT_WORDS;
  }
}
