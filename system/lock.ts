/** One at a time among the processes of this machine. Synchronous, as what is done under it is. */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import process from 'node:process';
import { libc } from './libc.ts';
import { NamedError } from './named-error.ts';

/** The work under a lock takes some milliseconds. */
const PATIENCE_MS = 5000;
const RETRY_MS = 10;

/** sys/file.h of Linux. */
const LOCK_EX = 2;
const LOCK_NB = 4;

/** What flock(1) is told to exit with when somebody else has the lock. */
const EXIT_HELD = 75;

const pause = (milliseconds: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
};

const failed = (path: string, why: string, cause?: unknown): NamedError =>
  new NamedError('LockFailed', `${path} cannot be locked: ${why}`, { cause });

/** By flock(2). False when somebody else still has the lock after `PATIENCE_MS`. */
const takeByCall = (calls: NonNullable<typeof libc>, path: string, descriptor: number): boolean => {
  const until = Date.now() + PATIENCE_MS;
  while (calls.flock(descriptor, LOCK_EX | LOCK_NB) !== 0) {
    const error = calls.lastError();
    if (error !== constants.errno.EWOULDBLOCK && error !== constants.errno.EINTR) {
      throw failed(path, `flock(2) fails with error ${error}; put it on a local disk`);
    }
    if (Date.now() > until) return false;
    pause(RETRY_MS);
  }
  return true;
};

/**
 * By flock(1) of util-linux, where the call cannot be made: it locks what its
 * descriptor stands for, which is this process's too and stays locked with it.
 */
const takeByTool = (path: string, descriptor: number): boolean => {
  const args = [
    '--exclusive',
    `--timeout=${PATIENCE_MS / 1000}`,
    `--conflict-exit-code=${EXIT_HELD}`,
  ];
  const { status, error, stderr } = runFlock(path, [...args, '3'], descriptor);
  if (status === 0) return true;
  if (status === EXIT_HELD) return false;
  const why = error?.message ?? (stderr.trim() || `it exited ${status}`);
  throw failed(path, `flock of util-linux does not do it (${why}); is it installed?`, error);
};

const runFlock = (path: string, args: readonly string[], descriptor: number) => {
  try {
    return spawnSync('flock', args, {
      stdio: ['ignore', 'ignore', 'pipe', descriptor],
      encoding: 'utf8',
    });
  } catch (cause) {
    // Node's permissions may forbid commands, too.
    throw failed(path, 'this Node may call neither flock(2) nor flock(1); allow one', cause);
  }
};

/** What the holder wrote; it may not have come to that yet. */
const holderOf = (descriptor: number): string => {
  const pid = readFileSync(descriptor, 'latin1').trim();
  return /^\d{1,10}$/.test(pid) ? `process ${pid}` : 'another process';
};

/**
 * Runs `work` while no other process is between these lines for the same file.
 * The file is made when it is not there, and stays: it holds the number of the
 * process that had the lock last. The kernel frees the lock when its holder
 * ends, however it ends. Not for use inside itself: that waits for this process.
 *
 * Throws `Busy` after five seconds, `LockFailed` where files cannot be locked,
 * and what `work` throws.
 */
export const withLock = <T>(path: string, work: () => T): T => {
  mkdirSync(dirname(path), { recursive: true });
  const descriptor = openSync(path, 'a+', 0o600);
  try {
    const taken = libc ? takeByCall(libc, path, descriptor) : takeByTool(path, descriptor);
    if (!taken) {
      const message = `${path} is held by ${holderOf(descriptor)}; try again when it has ended`;
      throw new NamedError('Busy', message);
    }
    ftruncateSync(descriptor);
    writeSync(descriptor, `${process.pid}\n`);
    return work();
  } finally {
    closeSync(descriptor);
  }
};
