/** Runs the real `ka` commands of this checkout, as built in dist/. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { tail } from '../system/run.ts';
import { runtimeCommand, runtimeEnvironment } from '../system/runtime.ts';

const ka = fileURLToPath(new URL('../dist/ka.js', import.meta.url));

/** The command line of one `ka` call on this Node. */
export const kaCommand = (args: readonly string[]): [string, ...string[]] => [
  ...runtimeCommand(ka),
  ...args,
];

export interface KaProcess {
  /** Process number of the command itself, also on a machine of a lab; undefined when it could not be started. */
  pid: number | undefined;
  /** Its output, or null when that goes to the terminal. */
  logFile: string | null;
  /** Exit status; 128 + number when a signal ended it, as shells say it. */
  ended: Promise<number>;
  /** Signals the process itself, also when it runs on a machine of a lab. */
  kill(signal: NodeJS.Signals): void;
}

export interface KaOptions {
  /** Wraps the command line, to run it on a machine of a lab. */
  on?: { argv(command: readonly string[]): [string, ...string[]] } | undefined;
  /** Where output goes; without it, to this process's own. */
  logFile?: string;
  /** Where it keeps keys, journals and logs. */
  stateDirectory: string;
  /** Asks it to end (SIGTERM) when aborted. */
  signal?: AbortSignal | undefined;
}

/** Starts one `ka` command and does not wait for it. */
export const startKa = (args: readonly string[], options: KaOptions): KaProcess => {
  const command = kaCommand(args);
  const [file, ...rest] = options.on?.argv(command) ?? command;
  const log = options.logFile === undefined ? 'inherit' : openSync(options.logFile, 'a');
  const child = spawn(file, rest, {
    stdio: [log === 'inherit' ? 'inherit' : 'ignore', log, log],
    env: { ...process.env, ...runtimeEnvironment, KA_STATE_DIR: options.stateDirectory },
  });
  if (typeof log === 'number') closeSync(log);
  const stop = () => child.kill('SIGTERM');
  options.signal?.addEventListener('abort', stop, { once: true });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      options.signal?.removeEventListener('abort', stop);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
  return {
    pid: child.pid,
    ended,
    logFile: options.logFile ?? null,
    kill: (signal) => child.kill(signal),
  };
};

/** The last lines a process wrote, for error messages. */
export const lastLines = async (process: KaProcess, lines = 15): Promise<string> =>
  process.logFile === null ? '' : tail(await readFile(process.logFile, 'utf8'), lines);
