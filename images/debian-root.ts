/** Makes root directories of this machine's own Debian release, from its own package sources. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import { type CommandLog, run } from '../system/run.ts';

export interface DebianRoot {
  /** Of mmdebstrap: `minbase` has apt in it, `essential` has not. */
  variant: 'minbase' | 'essential';
  packages: readonly string[];
  /** For errors: what is made, and what to do without Debian. */
  what: string;
  otherwise: string;
  signal?: AbortSignal | undefined;
  log?: CommandLog | undefined;
}

const TIMEOUT_MS = 20 * 60 * 1000;

/** Code name of the Debian this machine runs ("bookworm"). Throws `NotDebian` elsewhere. */
export const debianCodename = async (what: string, otherwise: string): Promise<string> => {
  const text = await readFile('/etc/os-release', 'utf8');
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  const codename = field('VERSION_CODENAME');
  if (field('ID') === 'debian' && codename !== '') return codename;
  throw new NamedError(
    'NotDebian',
    `${what} with this machine's Debian packages, but this is ${field('ID') || 'unknown'}; ${otherwise}`,
  );
};

/** Files of this machine that say where its packages come from. */
const packageSources = async (): Promise<string[]> => {
  const directory = '/etc/apt/sources.list.d';
  const names = existsSync(directory) ? await readdir(directory) : [];
  const files = names
    .filter((name) => /\.(list|sources)$/.test(name))
    .sort()
    .map((name) => join(directory, name));
  return ['/etc/apt/sources.list', ...files].filter((file) => existsSync(file));
};

/** This machine's apt proxy, which mmdebstrap does not read by itself. */
const proxyOptions = async (): Promise<string[]> => {
  const { stdout } = await run('apt-config', [
    'dump',
    'Acquire::http::Proxy',
    'Acquire::https::Proxy',
  ]);
  return stdout
    .split('\n')
    .filter((line) => /Proxy "[^"]+";$/.test(line))
    .map((line) => `--aptopt=${line}`);
};

const UNNEEDED = ['doc', 'man', 'locale', 'info'].map(
  (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
);

/**
 * Installs Debian with the given packages into the directory `target`, without
 * documentation. Needs root and the machine's package sources; takes about a
 * minute. Throws `NotDebian`, and what `run` throws.
 */
export const makeDebianRoot = async (target: string, options: DebianRoot): Promise<void> => {
  const { variant, packages, what, otherwise, signal, log } = options;
  const codename = await debianCodename(what, otherwise);
  await run(
    'mmdebstrap',
    [
      `--variant=${variant}`,
      `--include=${packages.join(',')}`,
      '--aptopt=Acquire::Languages "none"',
      ...(await proxyOptions()),
      ...UNNEEDED,
      codename,
      target,
      ...(await packageSources()),
    ],
    { signal, log, timeoutMs: TIMEOUT_MS },
  );
};
