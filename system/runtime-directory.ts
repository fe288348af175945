/** A directory for what must not outlive a run, and be there although the disk is full. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { privateDirectory } from './private-files.ts';

const RUN = '/run/ka';

/** Makes one of its own that only this user enters, in memory where there is such a place: below /run for root. */
export const makeRuntimeDirectory = (name: string): string => {
  if (process.getuid?.() !== 0) return mkdtempSync(join(tmpdir(), `ka-${name}-`));
  privateDirectory(RUN);
  return mkdtempSync(join(RUN, `${name}-`));
};
