import { lookup } from 'node:dns/promises';
import process from 'node:process';
import type { Command } from 'commander';
import { parseStatusTarget, readStatus, type StatusTarget } from '../client-agent/status-reader.ts';
import { toFailure } from '../protocol/failure.ts';
import { NamedError } from '../system/named-error.ts';
import { printError, told } from './exit.ts';

export interface ShowStatusOptions {
  follow: boolean;
  /** How long to wait for each connection, in milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Where lines of nodes and of failures go, without line end. */
  out: (line: string) => void;
  err: (line: string) => void;
}

/**
 * Prints the status of all nodes at once, each line led by `NODE> ` when there
 * are several. Resolves with the exit code: 0 all answered, 2 some, 1 none.
 */
export const showStatus = async (
  targets: readonly StatusTarget[],
  { out, err, ...options }: ShowStatusOptions,
): Promise<number> => {
  const results = await Promise.allSettled(
    targets.map((target) => {
      const lead = targets.length > 1 ? `${target.label}> ` : '';
      return readStatus(target, { ...options, onLine: (line) => out(lead + line) }).catch(
        (error: unknown) => {
          err(toFailure(error).message);
          throw error;
        },
      );
    }),
  );
  const failed = results.filter(({ status }) => status === 'rejected').length;
  if (failed === 0) return 0;
  return failed === results.length ? 1 : 2;
};

const parseSeconds = (text: string): number => {
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds <= 0) {
    throw new NamedError('BadTimeout', `--timeout ${text}: not a number of seconds above 0`);
  }
  return seconds * 1000;
};

/** A mistyped name is not a node that is down. Throws `UnknownNode`. */
const requireKnown = async ({ label, host }: StatusTarget): Promise<void> => {
  await lookup(host).catch((cause: NodeJS.ErrnoException) => {
    const message = `${label}: nobody here knows a machine of this name (${cause.code}); give its address`;
    throw new NamedError('UnknownNode', message, { cause });
  });
};

/** `ka status NODE…` */
export const addStatusCommand = (program: Command): void => {
  program
    .command('status')
    .description('print what nodes say on their status port')
    .argument('<node...>', 'name or address of a node, with :PORT if it is not 12345')
    .option('-f, --follow', 'go on as their logs grow', false)
    .option('--timeout <seconds>', 'how long to wait for a connection', '3')
    .addHelpText(
      'after',
      '\nExit status: 0 all answered, 2 some, 1 none; 64 a name is unknown, or wrong use:\nthen none is asked.',
    )
    .action(
      told(async (nodes: string[], flags: { follow: boolean; timeout: string }) => {
        const targets = nodes.map(parseStatusTarget);
        const timeoutMs = parseSeconds(flags.timeout);
        await Promise.all(targets.map(requireKnown));
        const stop = new AbortController();
        const onInterrupt = (): void => stop.abort();
        process.once('SIGINT', onInterrupt);
        try {
          process.exitCode = await showStatus(targets, {
            follow: flags.follow,
            timeoutMs,
            signal: stop.signal,
            out: (line) => process.stdout.write(`${line}\n`),
            err: printError,
          });
        } finally {
          process.off('SIGINT', onInterrupt);
        }
      }),
    );
};
