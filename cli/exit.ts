/** What a command ends with when something is wrong. */
import process from 'node:process';
import { CommanderError } from 'commander';
import { toFailure } from '../protocol/failure.ts';

/** sysexits.h EX_USAGE. */
export const EXIT_USAGE = 64;

/**
 * Exit code for what commander throws: its message is printed already. Help and
 * version are no errors. Undefined for anything else.
 */
export const exitUsage = (error: unknown): number | undefined => {
  if (!(error instanceof CommanderError)) return undefined;
  return error.exitCode === 0 ? 0 : EXIT_USAGE;
};

/** Prints the one line of an error and returns the exit code, 1 unless told otherwise. */
export const fail = (error: unknown, exitCode = 1): number => {
  const { message, output } = toFailure(error);
  process.stderr.write(`ka: ${message}\n`);
  if (output) process.stderr.write(output.replace(/^/gm, '    ').concat('\n'));
  return exitCode;
};

/** Wraps the action of a command: an error becomes lines on stderr, and what `report` answers the exit code. */
export const reporting =
  (report: (error: unknown) => number) =>
  <Arguments extends unknown[]>(action: (...args: Arguments) => Promise<void>) =>
  async (...args: Arguments): Promise<void> => {
    try {
      await action(...args);
    } catch (error) {
      process.exitCode = report(error);
    }
  };
