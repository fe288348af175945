/** How an output gets the session's events. */
import type { SessionEvent } from '../protocol/events.ts';

/** Calls `listener` with each event from now on; the result ends that. */
export type Subscribe = (listener: (event: SessionEvent) => void) => () => void;
