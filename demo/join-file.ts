/** Waits for a golden to say how it is joined. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KaProcess } from './ka-process.ts';

const PATIENCE_MS = 120_000;
const LOOK_MS = 50;

/** True as soon as the golden has written its join string into `file`; false when it ended before, or never does. */
export const isJoinable = async (
  golden: KaProcess,
  file: string,
  signal: AbortSignal,
): Promise<boolean> => {
  const over = new AbortController();
  golden.ended.finally(() => over.abort()).catch(() => over.abort());
  for (const untilMs = Date.now() + PATIENCE_MS; Date.now() < untilMs; ) {
    if (existsSync(file)) return true;
    if (over.signal.aborted) return false;
    await sleep(LOOK_MS, undefined, { signal });
  }
  return false;
};
