/** The Debian both stages are made of, with what a site adds; kept until something in it changes. */
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { NamedError } from '../system/named-error.ts';
import { type CommandLog, run } from '../system/run.ts';
import { debianCodename, makeDebianRoot } from './debian-root.ts';
import { PACKAGES } from './recipe.ts';

export interface SiteAdditions {
  /** More Debian packages. */
  packages: readonly string[];
  /** Files put into stage2: where from, and where to. */
  files: readonly { from: string; to: string }[];
  /** Programs run in the finished root, as root. */
  scripts: readonly string[];
}

export interface BaseRootOptions extends SiteAdditions {
  /** Where roots are kept. */
  cache: string;
  signal?: AbortSignal | undefined;
  log?: CommandLog | undefined;
}

export const MADE_OF = {
  what: 'boot images are made',
  otherwise: 'build them on a Debian machine',
};

/** Parts of a root that stage2 has. */
const PLACES = /^\/(usr|etc)\//;

/** `--add FILE[:PLACE]`; the place is /usr/local/bin/NAME unless given. */
export const parseAddition = (text: string): { from: string; to: string } => {
  const [, from = text, to] = /^(.+?):(\/.+)$/.exec(text) ?? [];
  const place = to ?? `/usr/local/bin/${basename(from)}`;
  if (place.endsWith('/')) {
    throw new NamedError('BadPlace', `--add ${text}: ${place} is a directory; name the file in it`);
  }
  if (PLACES.test(place) && !place.split('/').includes('..')) return { from, to: place };
  throw new NamedError(
    'BadPlace',
    `--add ${text}: ${place} is not in /usr or /etc, and stage2 has no more; choose a place there`,
  );
};

/** The versions apt would install: with new ones a kept root is out of date. Throws `NoSuchPackage`. */
export const candidates = async (packages: readonly string[]): Promise<string> => {
  const { stdout } = await run('apt-cache', ['policy', ...packages]);
  const found = [...stdout.matchAll(/^(\S+):\n.*\n {2}Candidate: (.+)$/gm)];
  const known = new Map(found.map(([, name = '', version = '']) => [name, version]));
  const missing = packages.filter((name) => (known.get(name) ?? '(none)') === '(none)');
  if (missing.length > 0) {
    throw new NamedError(
      'NoSuchPackage',
      `no Debian package ${missing.join(', ')} in this machine's package sources; correct --package, or run apt-get update`,
    );
  }
  return stdout
    .split('\n')
    .filter((line) => /^\S+:$|^ {2}Candidate:/.test(line))
    .join('\n');
};

/** Throws `FileUnreadable`. */
export const readAdded = async (path: string, option: string): Promise<Buffer> => {
  const unreadable = (why: string | undefined, cause?: unknown): NamedError =>
    new NamedError('FileUnreadable', `${option} ${path}: cannot be read (${why})`, { cause });
  const failed = (cause: NodeJS.ErrnoException): never => {
    throw unreadable(cause.code, cause);
  };
  // A pipe would be waited for.
  if (!(await stat(path).catch(failed)).isFile()) throw unreadable('not a file');
  return readFile(path).catch(failed);
};

const keyOf = async (options: BaseRootOptions): Promise<string> => {
  const packages = [...PACKAGES, ...options.packages];
  const hash = createHash('sha256');
  const put = (...parts: (string | Buffer)[]) => {
    for (const part of parts) hash.update(part).update('\0');
  };
  put(await debianCodename(MADE_OF.what, MADE_OF.otherwise), await candidates(packages));
  for (const { from, to } of options.files) {
    const bytes = await readAdded(from, '--add');
    put(to, String((await stat(from)).mode), bytes);
  }
  for (const script of options.scripts) put(await readAdded(script, '--script'));
  return hash.digest('hex').slice(0, 16);
};

/**
 * Directory of a root with everything in it; made, which takes a minute or two,
 * unless it is there from before. Older ones are removed. Throws `NotDebian`,
 * `NoSuchPackage`, `FileUnreadable` and what `run` throws.
 */
export const baseRoot = async (options: BaseRootOptions): Promise<string> => {
  const { cache, packages, files, scripts, signal, log } = options;
  const root = join(cache, `root-${await keyOf(options)}`);
  if (await stat(root).catch(() => undefined)) {
    log?.(`root: as before (${basename(root)})`);
    return root;
  }
  const unfinished = `${root}.${process.pid}`;
  try {
    await mkdir(cache, { recursive: true });
    const all = [...PACKAGES, ...packages];
    log?.(`root: installing ${all.length} packages and what they need; this takes a minute or two`);
    await makeDebianRoot(unfinished, { variant: 'essential', packages: all, ...MADE_OF, signal });
    for (const { from, to } of files) await addFile(unfinished, from, to);
    for (const script of scripts) await runScript(unfinished, script, { signal, log });
    await rename(unfinished, root);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  for (const name of await readdir(cache)) {
    if (name.startsWith('root-') && name !== basename(root)) {
      await rm(join(cache, name), { recursive: true });
    }
  }
  return root;
};

const addFile = async (root: string, from: string, to: string): Promise<void> => {
  const place = join(root, to);
  await mkdir(dirname(place), { recursive: true });
  await copyFile(from, place);
  await chmod(place, (await stat(from)).mode & 0o7777);
};

const runScript = async (
  root: string,
  script: string,
  { signal, log }: Pick<BaseRootOptions, 'signal' | 'log'>,
): Promise<void> => {
  const name = `/tmp/${basename(script)}`;
  const place = join(root, name);
  await copyFile(script, place);
  await chmod(place, 0o755);
  try {
    log?.(`running ${script} in the root`);
    await run(name, [], { root, signal, log });
  } finally {
    await rm(place);
  }
};
