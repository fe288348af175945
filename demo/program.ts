/** What the programs of this checkout (demo, bench, lab) do alike: usage, stopping, errors in one line. */
import process from 'node:process';
import { NamedError } from '../system/named-error.ts';
import type { Say } from './progress.ts';

export interface Program<Options> {
  /** In front of each line it says. */
  name: string;
  usage: string;
  /** Null = print the usage. Throws `Usage`. */
  readOptions: (args: string[]) => Options | null;
  /** Resolves with the exit status. */
  main: (options: Options, context: { say: Say; signal: AbortSignal }) => Promise<number>;
}

const EXIT_USAGE = 64;

/** Runs it with this process's arguments until it ends or SIGINT, SIGTERM or SIGHUP stops it; sets the exit status. */
export const runProgram = async <Options>(program: Program<Options>): Promise<void> => {
  const { name, usage, readOptions, main } = program;
  const say = (line: string): void => {
    process.stderr.write(`${name}: ${line}\n`);
  };
  try {
    const options = readOptions(process.argv.slice(2));
    if (options === null) {
      process.stdout.write(usage);
      return;
    }
    const stop = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => stop.abort(new NamedError('Stopped', `stopped by ${signal}`)));
    }
    process.exitCode = await main(options, { say, signal: stop.signal });
  } catch (error) {
    if (!(error instanceof NamedError)) throw error;
    say(error.message);
    if (error.output) process.stderr.write(`${error.output}\n`);
    process.exitCode = error.code === 'Usage' ? EXIT_USAGE : 1;
  }
};
