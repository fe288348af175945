/** A stream of events fed by hand. */
import type { Subscribe } from '../../board/subscribe.ts';
import type { SessionEvent } from '../../protocol/events.ts';

export const source = () => {
  const listeners = new Set<(event: SessionEvent) => void>();
  const subscribe: Subscribe = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const emit = (event: SessionEvent): void => {
    for (const listener of [...listeners]) listener(event);
  };
  return { subscribe, emit };
};
