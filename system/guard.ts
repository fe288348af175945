/** What a peer says may end that peer's link, and nothing more. */

/**
 * A handler for what comes from outside (a datagram, a message, a connection, a
 * request): whatever it throws, at once or later, goes to `onError` with the
 * same arguments, and never to the process.
 */
export const guarded =
  <Arguments extends unknown[]>(
    handler: (...args: Arguments) => unknown,
    onError: (error: Error, ...args: Arguments) => void,
  ) =>
  (...args: Arguments): void => {
    const fail = (cause: unknown): void =>
      onError(cause instanceof Error ? cause : new Error(String(cause)), ...args);
    try {
      const result = handler(...args);
      if (result instanceof Promise) result.catch(fail);
    } catch (error) {
      fail(error);
    }
  };
