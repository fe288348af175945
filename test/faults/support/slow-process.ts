/** Makes a process slow, as its disk would: it runs only while it is behind its pace. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';

const LOOK_MS = 20;

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
const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
};

/** Lets the process read `bytesPerSecond` on average, until it ends or `over` fires. */
export const slowDown = async (
  pid: number,
  bytesPerSecond: number,
  over: AbortSignal,
): Promise<void> => {
  const startedMs = Date.now();
  const before = (await bytesRead(pid)) ?? 0;
  while (!over.aborted) {
    const now = await bytesRead(pid);
    if (now === undefined) return;
    const due = ((Date.now() - startedMs) / 1000) * bytesPerSecond;
    signal(pid, now - before > due ? 'SIGSTOP' : 'SIGCONT');
    await sleep(LOOK_MS);
  }
  signal(pid, 'SIGCONT');
};
