/** Runs the kept engines (sfdisk, mkfs, tar …). No shell, no lost exit status. */
import { execa } from 'execa';
import { NamedError } from './named-error.ts';

/** Receives each line a command prints, and first the command itself as "+ sfdisk /dev/sda". */
export type CommandLog = (line: string) => void;

export interface RunOptions {
  signal?: AbortSignal | undefined;
  /** Default: ten minutes. */
  timeoutMs?: number;
  /** Text for standard input; without it standard input is empty. */
  input?: string;
  cwd?: string;
  /** Added to the environment; LC_ALL is always C so that output can be read. */
  env?: Record<string, string>;
  log?: CommandLog | undefined;
  /** Exit codes that are not failures. Default: 0 only. */
  okExitCodes?: readonly number[];
  /** Run inside this root directory by chroot(8). */
  root?: string | undefined;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

const TAIL_LINES = 12;
const DEFAULT_TIMEOUT_MS = 10 * 60 * 1000;

export const tail = (text: string, lines = TAIL_LINES): string =>
  text.trimEnd().split('\n').slice(-lines).join('\n');

/**
 * Runs one command to its end and returns what it printed.
 *
 * Throws `NamedError`: `ToolMissing` when it is not installed, `TimedOut`,
 * `Aborted` when `signal` fired, `CommandFailed` (last lines in `output`)
 * for any exit status not in `okExitCodes`.
 */
export const run = async (
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> => {
  const [file, argv] = options.root
    ? ['chroot', [options.root, command, ...args]]
    : [command, [...args]];
  const shown = [command, ...args].join(' ');
  options.log?.(`+ ${shown}`);
  const result = await execa(file, argv, {
    reject: false,
    all: true,
    stripFinalNewline: false,
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    env: { LC_ALL: 'C', ...options.env },
    forceKillAfterDelay: 3000,
    ...(options.signal ? { cancelSignal: options.signal } : {}),
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
  });
  for (const line of result.all.trimEnd().split('\n')) if (line) options.log?.(line);
  const output = tail(result.all);
  if (result.isCanceled) throw new NamedError('Aborted', `${command} was stopped`, { output });
  if (result.timedOut) {
    throw new NamedError('TimedOut', `${shown} did not end in time and was stopped`, { output });
  }
  const missing =
    result.code === 'ENOENT' || (options.root !== undefined && result.exitCode === 127);
  if (missing) {
    const where = options.root ? ` in ${options.root}` : '';
    throw new NamedError('ToolMissing', `${command} is not installed${where}; install it`);
  }
  if (result.exitCode === undefined || !(options.okExitCodes ?? [0]).includes(result.exitCode)) {
    const how = result.signal ? `was killed by ${result.signal}` : `exited ${result.exitCode}`;
    const last = tail(result.all, 1);
    throw new NamedError('CommandFailed', `${shown} ${how}${last ? `: ${last}` : ''}`, { output });
  }
  return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode };
};
