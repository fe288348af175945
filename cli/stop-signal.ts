import process from 'node:process';
import { NamedError } from '../system/named-error.ts';

/**
 * Fires on SIGINT, SIGTERM or SIGHUP, so that everything is closed, unmounted and
 * reported. A second signal ends the process at once.
 */
export const stopSignal = (what: string): AbortSignal => {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      controller.abort(new NamedError('Stopped', `${what} was stopped by ${name}`));
    });
  }
  return controller.signal;
};
