/** Adds up what time was spent waiting for. */

export interface WaitTimes<Reason extends string> {
  /** Makes `reason` (null = not waiting) what is waited for from now on. */
  switchTo(reason: Reason | null): void;
  /** Milliseconds per reason since the last call. */
  take(): Record<Reason, number>;
}

export const waitClock = <Reason extends string>(reasons: readonly Reason[]): WaitTimes<Reason> => {
  const zero = (): Record<Reason, number> =>
    Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<Reason, number>;
  let sums = zero();
  let current: Reason | null = null;
  let since = performance.now();
  const settle = (): void => {
    const now = performance.now();
    if (current !== null) sums[current] += now - since;
    since = now;
  };
  return {
    switchTo: (reason) => {
      if (reason === current) return;
      settle();
      current = reason;
    },
    take: () => {
      settle();
      const taken = sums;
      sums = zero();
      return taken;
    },
  };
};
