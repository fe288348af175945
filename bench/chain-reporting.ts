/** How a process of ka's chain talks to the bench that started it. */
import type { ChainReport } from './chain-messages.ts';

export const report = (message: ChainReport): void => {
  process.send?.(message);
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
