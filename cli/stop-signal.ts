import { constants } from 'node:os';
import process from 'node:process';
import { NamedError } from '../system/named-error.ts';

/**
 * Fires on SIGINT, SIGTERM or SIGHUP, so that everything is closed, unmounted and
 * reported. A second signal ends the process at once.
 */
export const stopSignal = (what: string): AbortSignal => {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // Not `once`: execa, while it runs a command, ends a process that has no listener left.
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
      controller.abort(new NamedError('Stopped', `${what} was stopped by ${name}`));
    });
  }
  return controller.signal;
};
