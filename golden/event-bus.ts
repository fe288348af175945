import type { NewEvent, SessionEvent } from '../protocol/events.ts';

export type EventListener = (event: SessionEvent) => void;

/**
 * The one stream of events of a session. Listeners are called in order and at
 * once; a late listener first gets everything that happened so far, except
 * progress, which is stale by then.
 */
export class EventBus {
  readonly #listeners = new Set<EventListener>();
  readonly #history: SessionEvent[] = [];

  emit = (event: NewEvent): void => {
    const stamped: SessionEvent = { time: Date.now(), ...event };
    if (event.kind !== 'progress') this.#history.push(stamped);
    for (const listener of this.#listeners) listener(stamped);
  };

  subscribe = (listener: EventListener): (() => void) => {
    for (const event of this.#history) listener(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
