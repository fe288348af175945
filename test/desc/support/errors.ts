import { NamedError } from '../../../system/named-error.ts';

/** The error an action ends with, as "Code: message"; fails when there is none. */
export const refusal = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof NamedError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('expected a refusal, but there was none');
};
