/** What a command ends with when something is wrong. */
import process from 'node:process';
import { CommanderError } from 'commander';
import { toFailure } from '../protocol/failure.ts';
import { printable } from '../system/printable.ts';

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
  // What is quoted in it may come from a file or a peer.
  const safe = (text: string): string => text.split('\n').map(printable).join('\n');
  process.stderr.write(`ka: ${safe(message)}\n`);
  if (output) process.stderr.write(safe(output).replace(/^/gm, '    ').concat('\n'));
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
