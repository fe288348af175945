/** A child process whose standard input or output carries a stream. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { CommandLog } from '../system/run.ts';

/** How a process ended. `why` is null when it ended well (exit status 0 or one of `okExitCodes`). */
export interface ProcessEnd {
  command: string;
  exitCode: number | null;
  why: string | null;
  /** First and last lines it wrote to standard error. */
  output: string;
}

export interface PipedProcess {
  child: ChildProcess;
  /** Never rejects: a process that could not be started has a `why`, too. */
  ended: Promise<ProcessEnd>;
  kill(): void;
}

interface PipedOptions {
  stdio: StdioOptions;
  signal: AbortSignal;
  log: CommandLog;
  okExitCodes?: readonly number[];
  /** Called with each line of standard error; true = taken, it is no message. */
  onErrorLine?: (line: string) => boolean;
}

const FIRST_LINES = 4;
const LAST_LINES = 8;

/**
 * Starts `command` with its streams as given in `stdio` (standard error must be
 * 'pipe'; its lines go to `log`). It is killed when `signal` fires: a process
 * in a pipeline has nothing to tidy up.
 */
export const startPiped = (
  command: string,
  args: readonly string[],
  { stdio, signal, log, okExitCodes = [0], onErrorLine }: PipedOptions,
): PipedProcess => {
  log(`+ ${[command, ...args].join(' ')}`);
  const child = spawn(command, [...args], { stdio, env: { ...process.env, LC_ALL: 'C' } });
  const first: string[] = [];
  const last: string[] = [];
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (onErrorLine?.(line)) return;
      log(`${command}: ${line}`);
      if (first.length < FIRST_LINES) first.push(line);
      else last.push(line);
      if (last.length > LAST_LINES) last.shift();
    });
  }
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();

  // Not 'close': that would also wait for an output nobody reads any more.
  const exited = new Promise<{ exitCode: number | null; why: string | null }>((resolve) => {
    child.on('error', (error) => {
      const isMissing = 'code' in error && error.code === 'ENOENT';
      const why = isMissing ? `${command} is not installed; install it` : error.message;
      resolve({ exitCode: null, why });
    });
    child.on('exit', (exitCode, killedBy) => {
      if (exitCode !== null && okExitCodes.includes(exitCode)) resolve({ exitCode, why: null });
      else if (killedBy) resolve({ exitCode: null, why: `${command} was killed by ${killedBy}` });
      else resolve({ exitCode, why: `${command} exited ${exitCode}` });
    });
  });
  const errorsRead = child.stderr ? finishedReading(child.stderr) : Promise.resolve();
  const ended = Promise.all([exited, errorsRead]).then(([{ exitCode, why }]) => {
    signal.removeEventListener('abort', kill);
    return { command, exitCode, why, output: [...first, ...last].join('\n') };
  });
  return { child, ended, kill };
};

const finishedReading = (stream: Readable): Promise<void> =>
  new Promise((resolve) => stream.on('close', () => resolve()));
