/** Runs dnsmasq, as a user without rights, as a child that ends when we do. */
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { NamedError } from '../../system/named-error.ts';
import { run, tail } from '../../system/run.ts';
import { asDnsmasqUser, checkReadable, type DnsmasqUser, findDnsmasqUser } from './dnsmasq-user.ts';
import { bootDirectory, dnsmasqFile, siteDirectory } from './paths.ts';
import { openLeases, openPxeDirectory } from './pxe-directory.ts';
import { writePublic } from './write-file.ts';

const END_MS = 3000;

/** Lines kept to tell why it ended. */
const LAST_LINES = 12;

export interface DnsmasqRun {
  /** Resolves when it ended because `signal` fired, rejects when it ended by itself. */
  ended: Promise<void>;
}

/**
 * Writes the configuration and has dnsmasq check it with the site's own, as who
 * it will run. Throws `BadDnsmasqConfig`, and `NotReachable` for files it cannot read.
 */
const writeConfig = async (
  config: string,
  user: DnsmasqUser,
  signal: AbortSignal,
): Promise<void> => {
  openPxeDirectory();
  openLeases(user);
  writePublic(dnsmasqFile(), config);
  await checkReadable(user, [dnsmasqFile(), siteDirectory(), bootDirectory()], signal);
  const [command, ...args] = asDnsmasqUser(user, [
    'dnsmasq',
    '--test',
    `--conf-file=${dnsmasqFile()}`,
  ]);
  const check = await run(command, args, { signal, okExitCodes: [0, 1, 2, 3, 4, 5] });
  if (check.exitCode === 0) return;
  const why = tail(check.stderr, 1).replace(/^dnsmasq: /, '');
  throw new NamedError('BadDnsmasqConfig', `dnsmasq does not take its settings: ${why}`);
};

/**
 * Starts dnsmasq with this configuration; resolves when it serves. `onLine` gets
 * each line it logs. Throws `ToolMissing`, `NoUser`, `NotReachable`,
 * `BadDnsmasqConfig`, `DnsmasqFailed`.
 */
export const startDnsmasq = async (
  config: string,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<DnsmasqRun> => {
  const user = await findDnsmasqUser(signal);
  await writeConfig(config, user, signal);
  const options = ['--keep-in-foreground', '--log-facility=-', `--conf-file=${dnsmasqFile()}`];
  const [command, ...args] = asDnsmasqUser(user, ['dnsmasq', ...options]);
  const child = execa(command, args, {
    reject: false,
    buffer: false,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
    env: { LC_ALL: 'C' },
    cancelSignal: signal,
    forceKillAfterDelay: END_MS,
  });
  const last: string[] = [];
  const lines = createInterface({ input: child.stderr });
  const started = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      if (/ started, version /.test(line)) resolve();
      onLine(line);
    });
  });
  const ended = child.then(({ exitCode, signal: by, isCanceled }) => {
    if (isCanceled) return;
    const why = last.at(-1)?.replace(/^dnsmasq(?:-\w+)?(?:\[\d+\])?: /, '') ?? 'no message';
    const how = by === undefined ? `exited ${exitCode}` : `was killed by ${by}`;
    throw new NamedError('DnsmasqFailed', `dnsmasq ${how}: ${why}`, { output: last.join('\n') });
  });
  await Promise.race([started, ended]);
  return { ended };
};
