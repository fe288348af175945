import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Only its owner reads it. */
const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

const draftOf = (path: string, text: string): string => {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: PRIVATE_DIRECTORY });
  // In a directory of many users nobody can have put a link there before.
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  writeFileSync(draft, text, { mode: PRIVATE_FILE, flag: 'wx' });
  return draft;
};

/** Writes a file in one step, so that whoever reads it sees the old text or the new one. Makes its directory. */
export const replaceFile = (path: string, text: string): void =>
  renameSync(draftOf(path, text), path);

/** The same where there is none yet; false when somebody else was first, whose text stays. */
export const createFile = (path: string, text: string): boolean => {
  const draft = draftOf(path, text);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
};
