/** Makes a process slow, as its disk would: it runs only while it is behind its pace. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';

const LOOK_MS = 20;

/** While it runs it is looked at as often as can be: in 20 ms it could read what it should in seconds. */
const LOOK_RUNNING_MS = 1;

/** What it has not used of its pace in this time is lost: a slow disk saves up no speed. */
const CREDIT_MS = 100;

/** Not `instanceof`: errors of Node are of another realm than a test. */
const isGone = (error: unknown): boolean =>
  isNativeError(error) && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');

/** Bytes a process has read so far; undefined when it is gone. */
const bytesRead = async (pid: number): Promise<number | undefined> => {
  try {
    return Number(/^rchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1]);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
};

/** A process that is gone already needs no signal. */
export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
};

/** Lets the process read `bytesPerSecond` and hardly ever more, until it ends or `over` fires. */
export const slowDown = async (
  pid: number,
  bytesPerSecond: number,
  over: AbortSignal,
): Promise<void> => {
  const perMs = bytesPerSecond / 1000;
  let lookedMs = Date.now();
  let due = (await bytesRead(pid)) ?? 0;
  while (!over.aborted) {
    const now = await bytesRead(pid);
    if (now === undefined) return;
    const nowMs = Date.now();
    due = Math.min(due + (nowMs - lookedMs) * perMs, now + CREDIT_MS * perMs);
    lookedMs = nowMs;
    const ahead = now > due;
    signal(pid, ahead ? 'SIGSTOP' : 'SIGCONT');
    await sleep(ahead ? LOOK_MS : LOOK_RUNNING_MS);
  }
  signal(pid, 'SIGCONT');
};
