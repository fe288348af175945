/** One writer at a time among the processes of this machine. Synchronous: events are. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { parseMessage } from '../../protocol/parse-message.ts';
import { NamedError } from '../../system/named-error.ts';
import { PRIVATE_FILE } from '../../system/private-files.ts';
import { isRunning, ProcessIdentity, thisProcess } from './process-identity.ts';

/** The work under the lock takes some milliseconds. */
const PATIENCE_MS = 5000;
const RETRY_MS = 10;

const pause = (milliseconds: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
};

const holder = (path: string): ProcessIdentity | undefined => {
  try {
    return parseMessage(ProcessIdentity, readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Linking a finished file into place is one step: a lock is never seen without its holder. */
const take = (draft: string, path: string): boolean => {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

/**
 * Runs `work` while no other process does under the same lock. A lock whose
 * holder died is taken over. Throws `Busy` after five seconds.
 */
export const withLock = <T>(path: string, work: () => T): T => {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(thisProcess()), { mode: PRIVATE_FILE });
  try {
    const until = Date.now() + PATIENCE_MS;
    while (!take(draft, path)) {
      const other = holder(path);
      if (other && !isRunning(other)) rmSync(path, { force: true });
      else if (Date.now() > until) {
        const message = `${path} is held by process ${other?.pid ?? 'unknown'}; try again when it has ended`;
        throw new NamedError('Busy', message);
      } else pause(RETRY_MS);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  try {
    return work();
  } finally {
    rmSync(path, { force: true });
  }
};
