/** Writes what came of a session. Whatever the disk says, the exit status tells it, too. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { toFailure } from '../protocol/failure.ts';
import { printableJson } from '../protocol/json-line.ts';
import type { Report } from '../protocol/report.ts';
import { NamedError } from '../system/named-error.ts';
import { replacePrivately } from '../system/private-files.ts';
import { fail } from './exit.ts';

const INDENT = 2;

const attempt = (path: string, write: () => void): void => {
  try {
    write();
  } catch (error) {
    const message = `the report ${path} cannot be written: ${toFailure(error).message}`;
    fail(new NamedError('ReportFailed', message, { cause: error }));
  }
};

/** In the session's directory, and in `wanted` as its user's umask has it. */
export const keepReport = (report: Report, directory: string, wanted: string | undefined): void => {
  const text = `${printableJson(report, INDENT)}\n`;
  const own = join(directory, 'report.json');
  attempt(own, () => replacePrivately(own, text));
  if (wanted === undefined) return;
  attempt(wanted, () => {
    mkdirSync(dirname(wanted), { recursive: true });
    writeFileSync(wanted, text);
  });
};
