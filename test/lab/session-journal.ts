/** Follows the events of the one session that a golden's state directory holds. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionEvent } from '../../protocol/events.ts';
import { eachLine, followFile } from './growing-file.ts';

const LOOK_MS = 200;

const findJournal = async (
  stateDirectory: string,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const sessions = join(stateDirectory, 'sessions');
  while (!signal.aborted) {
    const names = await readdir(sessions).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const [name] = names;
    if (name !== undefined) return join(sessions, name, 'journal.jsonl');
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
};

/** Hands on every event, the earlier ones too, until `signal` fires. */
export const followSession = async (
  stateDirectory: string,
  onEvent: (event: SessionEvent) => void,
  signal: AbortSignal,
): Promise<void> => {
  const journal = await findJournal(stateDirectory, signal);
  if (journal === undefined) return;
  const onLine = (line: string) => onEvent(SessionEvent.parse(JSON.parse(line)));
  await followFile(journal, eachLine(onLine), signal);
};
