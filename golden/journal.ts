/** Keeps every event of a session on disk, one JSON object a line. */
import { appendFileSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { stateDirectory } from '../system/state-directory.ts';
import type { EventListener } from './event-bus.ts';

/** Directory of one session: journal.jsonl, report.json and a log for each node. */
export const makeSessionDirectory = (session: string, startedMs: number): string => {
  const stamp = new Date(startedMs).toISOString().replaceAll(':', '').slice(0, 17);
  const directory = join(stateDirectory(), 'sessions', `${stamp}-${session}`);
  mkdirSync(directory, { recursive: true });
  return directory;
};

export interface Journal {
  path: string;
  write: EventListener;
  close: () => void;
}

/**
 * Opens the journal. Lines are appended synchronously: they must be there when
 * the golden is killed a moment later, and there are only a few a second.
 */
export const openJournal = (directory: string): Journal => {
  const path = join(directory, 'journal.jsonl');
  const file = openSync(path, 'a');
  return {
    path,
    write: (event) => appendFileSync(file, `${JSON.stringify(event)}\n`),
    close: () => closeSync(file),
  };
};
