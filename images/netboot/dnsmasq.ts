/** Runs dnsmasq as a child that ends when we do. */
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { NamedError } from '../../system/named-error.ts';
import { run, tail } from '../../system/run.ts';
import { dnsmasqFile, siteDirectory } from './paths.ts';
import { writeWhole } from './write-file.ts';

const END_MS = 3000;

/** Lines kept to tell why it ended. */
const LAST_LINES = 12;

export interface DnsmasqRun {
  /** Resolves when it ended because `signal` fired, rejects when it ended by itself. */
  ended: Promise<void>;
}

/** Writes the configuration and has dnsmasq check it with the site's own. Throws `BadDnsmasqConfig`. */
const writeConfig = async (config: string, signal: AbortSignal): Promise<void> => {
  mkdirSync(siteDirectory(), { recursive: true });
  writeWhole(dnsmasqFile(), config);
  const check = await run('dnsmasq', ['--test', `--conf-file=${dnsmasqFile()}`], {
    signal,
    okExitCodes: [0, 1, 2, 3, 4, 5],
  });
  if (check.exitCode === 0) return;
  const why = tail(check.stderr, 1).replace(/^dnsmasq: /, '');
  throw new NamedError('BadDnsmasqConfig', `dnsmasq does not take its settings: ${why}`);
};

/**
 * Starts dnsmasq with this configuration; resolves when it serves. `onLine` gets
 * each line it logs. Throws `ToolMissing`, `BadDnsmasqConfig`, `DnsmasqFailed`.
 */
export const startDnsmasq = async (
  config: string,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<DnsmasqRun> => {
  await writeConfig(config, signal);
  // pdeathsig: not left behind even when this process is killed.
  const child = execa(
    'setpriv',
    // biome-ignore format: one option a line reads worse here
    ['--pdeathsig', 'TERM', 'dnsmasq', '--keep-in-foreground', '--log-facility=-', `--conf-file=${dnsmasqFile()}`],
    {
      reject: false,
      buffer: false,
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
      env: { LC_ALL: 'C' },
      cancelSignal: signal,
      forceKillAfterDelay: END_MS,
    },
  );
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
