/** Keeps every event of a session on disk, one JSON object a line. */
import { join } from 'node:path';
import type { SessionEvent } from '../protocol/events.ts';
import { printableJson } from '../protocol/json-line.ts';
import { privateDirectory } from '../system/private-files.ts';
import { openStateDirectory, stateDirectory } from '../system/state-directory.ts';
import type { EventListener } from './event-bus.ts';
import { GrowingFile } from './growing-file.ts';

/** Directory of one session: journal.jsonl, report.json and a log for each node. */
export const makeSessionDirectory = (session: string, startedMs: number): string => {
  const stamp = new Date(startedMs).toISOString().replaceAll(':', '').slice(0, 17);
  const directory = join(stateDirectory(), 'sessions', `${stamp}-${session}`);
  openStateDirectory();
  privateDirectory(directory);
  return directory;
};

export interface Journal {
  path: string;
  write: EventListener;
  close: () => void;
}

/** Of what nodes say and how far they are, so many bytes of each are kept. What becomes of nodes is far less in any session that is one. */
const MAX_BYTES: Partial<Record<SessionEvent['kind'], number>> = {
  node: 64 * 1024 * 1024,
  log: 64 * 1024 * 1024,
  step: 64 * 1024 * 1024,
  progress: 256 * 1024 * 1024,
};

/**
 * Opens the journal. Lines are appended synchronously: they must be there when
 * the golden is killed a moment later, and there are only a few a second. When
 * it cannot be written `say` hears of it, and the session goes on.
 */
export const openJournal = (
  directory: string,
  say: (line: string) => void,
  maxBytes = MAX_BYTES,
): Journal => {
  const file = new GrowingFile(join(directory, 'journal.jsonl'), say);
  const bytes = new Map<SessionEvent['kind'], number>();
  const write = (event: SessionEvent): void => {
    const line = `${printableJson(event)}\n`;
    const most = maxBytes[event.kind] ?? Number.POSITIVE_INFINITY;
    const before = bytes.get(event.kind) ?? 0;
    const now = before + Buffer.byteLength(line);
    bytes.set(event.kind, now);
    if (now <= most) file.append(line);
    else if (before <= most) {
      say(`journal: no more events of the kind "${event.kind}", there were ${most >> 20} MiB`);
    }
  };
  return { path: file.path, write, close: () => file.close() };
};
