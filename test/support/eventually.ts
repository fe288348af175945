/** Waits until `check` gives true (or anything truthy), looking ten times a second; fails after `timeoutMs`. */
import { setTimeout as sleep } from 'node:timers/promises';

export const eventually = async <T>(
  what: string,
  check: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<NonNullable<T>> => {
  const until = Date.now() + timeoutMs;
  while (true) {
    const value = await check();
    if (value) return value;
    if (Date.now() > until) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(100);
  }
};
