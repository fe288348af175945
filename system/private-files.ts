/** Files that are nobody else's business: 0600, in directories of 0700. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';

export const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;
const PERMISSIONS = 0o7777;

const isOurs = ({ uid }: Stats): boolean => process.getuid?.() === 0 || uid === process.getuid?.();

/** Takes away what `most` does not have. Links and what belongs to others are left alone. */
const narrow = (path: string, facts: Stats, most: number): void => {
  const mode = facts.mode & PERMISSIONS;
  if (!facts.isSymbolicLink() && isOurs(facts) && (mode & ~most) !== 0) {
    chmodSync(path, mode & most);
  }
};

/** Makes a directory, and its parents, that only its owner enters; one that is there is narrowed. */
export const privateDirectory = (path: string): void => {
  mkdirSync(path, { recursive: true, mode: PRIVATE_DIRECTORY });
  narrow(path, lstatSync(path), PRIVATE_DIRECTORY);
};

/** Replaces a file in one step, so that whoever reads it sees the old text or the new one. */
export const replacePrivately = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_DIRECTORY });
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text, { mode: PRIVATE_FILE });
  // One that a killed process of this number left keeps its mode.
  chmodSync(draft, PRIVATE_FILE);
  renameSync(draft, path);
};

/** As `privateDirectory`, with all that is in it, as an older ka may have left it. */
export const privateTree = (directory: string): void => {
  privateDirectory(directory);
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const facts = lstatSync(path, { throwIfNoEntry: false });
    // Another ka may have removed it meanwhile.
    if (facts?.isDirectory() && isOurs(facts)) privateTree(path);
    else if (facts) narrow(path, facts, PRIVATE_FILE);
  }
};
