/** What a command says and ends with when something is wrong. All of them, and they alone, print errors. */
import process from 'node:process';
import { CommanderError } from 'commander';
import { DescError } from '../desc/desc-error.ts';
import { toFailure } from '../protocol/failure.ts';
import { printable } from '../system/printable.ts';

/** sysexits.h EX_USAGE: what was asked for cannot be done, and nothing was. */
export const EXIT_USAGE = 64;

/** In front of every error, whichever command it is of. */
const NAME = 'ka';

/** Errors in what was asked for, as against how it went. */
const WRONG_USE: ReadonlySet<string> = new Set([
  'BadName',
  'BadNode',
  'BadPlace',
  'BadTimeout',
  'DescUnreadable',
  'DriversUnreadable',
  'FileUnreadable',
  'NoKernel',
  'NoPower',
  'NoSuchRoot',
  'NoSuchPackage',
  'NotClassic',
  'UnknownNode',
  'Usage',
]);

/**
 * Exit code for what commander throws: its message is printed already. Help and
 * version are no errors. Undefined for anything else.
 */
export const exitUsage = (error: unknown): number | undefined => {
  if (!(error instanceof CommanderError)) return undefined;
  return error.exitCode === 0 ? 0 : EXIT_USAGE;
};

/** What is quoted in an error may come from a file or a peer. */
const safe = (text: string): string => text.split('\n').map(printable).join('\n');

/** One error in one line on stderr. */
export const printError = (message: string): void => {
  process.stderr.write(`${NAME}: ${safe(message)}\n`);
};

/** One thing to know that does not end the command. */
export const printWarning = (message: string): void => printError(`warning: ${message}`);

/** Commander's own errors in the same form. */
export const writeUsageError = (text: string, write: (text: string) => void): void =>
  write(text.replace(/^error: /, `${NAME}: `));

/** Prints an error and returns the exit code: 64 for wrong use, 1 for the rest, unless told otherwise. */
export const fail = (error: unknown, exitCode?: number): number => {
  if (error instanceof DescError) {
    // Lines begin with file:line, so that editors find the place.
    process.stderr.write(`${safe(error.message)}\n`);
    return exitCode ?? EXIT_USAGE;
  }
  const { code, message, output } = toFailure(error);
  printError(message);
  if (output) process.stderr.write(safe(output).replace(/^/gm, '    ').concat('\n'));
  return exitCode ?? (WRONG_USE.has(code) ? EXIT_USAGE : 1);
};

/** Wraps the action of a command: an error is printed, and ends it with its exit code. */
export const told =
  <Arguments extends unknown[]>(action: (...args: Arguments) => Promise<void>) =>
  async (...args: Arguments): Promise<void> => {
    try {
      await action(...args);
    } catch (error) {
      process.exitCode = fail(error);
    }
  };
