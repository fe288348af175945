/** Processes of the peers, each measured by time(1), which counts what its children used as well. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab, LabHost } from '../demo/lab.ts';
import { NamedError } from '../system/named-error.ts';
import { run, tail } from '../system/run.ts';
import type { Usage } from './sample.ts';

export interface TimedProcess {
  child: ChildProcess;
  /** Resolves when it ended well, with what it used. Rejects `PeerFailed`, `Aborted`. */
  ended: Promise<Usage>;
}

export interface TimedOptions {
  /** Descriptors of this process, or 'ignore'. */
  stdin?: number | 'ignore';
  stdout?: number | 'ignore';
  signal: AbortSignal;
  env?: Record<string, string>;
}

const FORMAT = '%U %S %M';
let started = 0;

const readUsage = async (file: string): Promise<Usage> => {
  const [user, system, kibibytes] = (tail(await readFile(file, 'utf8'), 1) ?? '')
    .split(' ')
    .map(Number);
  return {
    cpuSeconds: (user ?? Number.NaN) + (system ?? Number.NaN),
    maxRssBytes: (kibibytes ?? Number.NaN) * 1024,
  };
};

/** Starts a command on a machine of the lab. It ends with the lab at the latest. */
export const startTimed = (
  lab: Lab,
  host: LabHost,
  command: readonly string[],
  { stdin = 'ignore', stdout = 'ignore', signal, env = {} }: TimedOptions,
): TimedProcess => {
  signal.throwIfAborted();
  started += 1;
  const usageFile = join(lab.directory, `usage-${started}`);
  const errorFile = join(lab.directory, `errors-${started}`);
  const timed = ['time', '--format', FORMAT, '--output', usageFile, ...command];
  const [file, ...args] = host.argv(timed);
  const errors = openSync(errorFile, 'w');
  const stdio: StdioOptions = [stdin, stdout, errors];
  const child = spawn(file, args, { stdio, env: { ...process.env, LC_ALL: 'C', ...env } });
  closeSync(errors);
  const exited = new Promise<string | null>((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, killedBy) => {
      signal.removeEventListener('abort', aborted);
      if (code === 0) resolve(null);
      else resolve(killedBy ? `was killed by ${killedBy}` : `exited ${code}`);
    });
  });
  const ended = exited.then(async (why) => {
    if (why !== null) {
      throw new NamedError('PeerFailed', `${command.join(' ')} on ${host.name} ${why}`, {
        output: tail(await readFile(errorFile, 'utf8')),
      });
    }
    const usage = await readUsage(usageFile);
    await Promise.all([rm(usageFile), rm(errorFile)]);
    return usage;
  });
  // Waited for together with others: the first to fail is the one that is told.
  ended.catch(() => undefined);
  return { child, ended };
};

/** Sums what the processes of one node used, when all have ended well. */
export const usageOf = async (processes: readonly TimedProcess[]): Promise<Usage> => {
  const usages = await Promise.all(processes.map(({ ended }) => ended));
  return {
    cpuSeconds: usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    maxRssBytes: usages.reduce((sum, { maxRssBytes }) => sum + maxRssBytes, 0),
  };
};

export interface Pipe {
  reader: number;
  writer: number;
  /** Closes our ends; the processes they were given to keep theirs. */
  close(): void;
}

let pipes = 0;

/** A pipe between two processes, as a shell makes it (what `spawn` makes is a socket). */
export const makePipe = async (lab: Lab): Promise<Pipe> => {
  pipes += 1;
  const name = join(lab.directory, `pipe-${pipes}`);
  await run('mkfifo', [name]);
  // Opened for both, a fifo does not wait for the other side.
  const both = openSync(name, 'r+');
  const reader = openSync(name, 'r');
  const writer = openSync(name, 'w');
  closeSync(both);
  await rm(name);
  return {
    reader,
    writer,
    close: () => {
      closeSync(reader);
      closeSync(writer);
    },
  };
};
