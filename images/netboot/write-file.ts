import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { PRIVATE_FILE } from '../../system/private-files.ts';

/** Served, or read by dnsmasq, which has no rights. */
export const PUBLIC_FILE = 0o644;

const current = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const write = (path: string, text: string, mode: number): void => {
  if (current(path) !== text) {
    const draft = `${path}.${process.pid}.new`;
    writeFileSync(draft, text, { mode });
    renameSync(draft, path);
  }
  // Whatever the umask, and whatever an older ka left.
  chmodSync(path, mode);
};

/**
 * Replaces a file in one step, so that whoever reads it sees the old text or the
 * new one. Leaves a file alone that has this text already. Only its owner reads it.
 */
export const writeWhole = (path: string, text: string): void => write(path, text, PRIVATE_FILE);

/** The same for a file everybody may read. */
export const writePublic = (path: string, text: string): void => write(path, text, PUBLIC_FILE);
