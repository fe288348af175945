/** How a process of ka's chain talks to the bench that started it. */
import type { HopEvent } from '../relay/hop.ts';
import type { ChainReport } from './chain-messages.ts';

/** A process that can no longer be heard has nothing left to do. */
export const report = (message: ChainReport): void => {
  process.send?.(message, (error: Error | null) => {
    if (error) process.exit(1);
  });
};

/** For the events of a hop or origin. */
export const reportTrouble = (event: HopEvent): void => {
  if (event.type === 'trouble') report({ type: 'trouble', message: event.message });
};

export const reportFailure = (error: unknown): void => {
  report({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
};

/** Calls `hear` with each request; a process whose bench has gone ends. */
export const listen = (hear: (message: unknown) => Promise<void>): void => {
  process.on('message', (message) => {
    hear(message).catch(reportFailure);
  });
  process.on('disconnect', () => process.exit(0));
};
