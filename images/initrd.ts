/**
 * The initrd of stage1. Two archives one behind the other, as the kernel allows:
 * the system (Node, busybox, drivers), which seldom changes and is kept, and
 * the agent with what it is to know of its image.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import runtime from '../system/runtime.json' with { type: 'json' };
import { type PackOptions, packInitrd } from './archive.ts';
import { type ChosenModules, chooseModules, type Drivers, firmwareOf } from './kernel-modules.ts';

export interface InitrdOptions extends PackOptions {
  /** Debian root to take busybox, libraries, drivers and firmware from. */
  root: string;
  kernel: string;
  drivers: Drivers;
  /** Where the packed system is kept. */
  cache: string;
}

const FILES = fileURLToPath(new URL('../images/stage1/', import.meta.url));
/** The agent as built with ka: its program, and that of its thread, which it looks for beside itself. */
export const AGENT = {
  'agent.mjs': fileURLToPath(new URL('../dist/stage1.mjs', import.meta.url)),
  'digest-worker.mjs': fileURLToPath(new URL('../dist/digest-worker.mjs', import.meta.url)),
};

const LIBRARIES = 'usr/lib/x86_64-linux-gnu';

const put = async (directory: string, path: string, text: string, bits: number): Promise<void> => {
  const file = join(directory, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, bits);
};

const take = async (from: string, directory: string, path: string, bits: number): Promise<void> => {
  const file = join(directory, path);
  await mkdir(dirname(file), { recursive: true });
  await copyFile(from, file);
  await chmod(file, bits);
};

const script = (name: string): Promise<string> => readFile(join(FILES, name), 'utf8');

/** Commands that run what a stage1 machine runs by itself. */
const runAgent = async (): Promise<string> => {
  const environment = Object.entries(runtime.environment)
    .map(([name, value]) => `export ${name}=${value}`)
    .join('\n');
  return (await script('run-agent.sh'))
    .replace('@ENVIRONMENT@', environment)
    .replace('@ARGUMENTS@', runtime.arguments.join(' '));
};

const addSkeleton = async (directory: string): Promise<void> => {
  for (const path of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(join(directory, 'usr', path), { recursive: true });
    await symlink(`usr/${path}`, join(directory, path));
  }
  for (const path of ['dev', 'proc', 'sys', 'run', 'mnt', 'root', 'tmp', 'var', 'etc']) {
    await mkdir(join(directory, path));
  }
  await symlink('/run', join(directory, 'var/run'));
  await put(directory, 'etc/passwd', 'root:x:0:0:root:/root:/ka/bin/sh\n', 0o644);
  await put(directory, 'etc/group', 'root:x:0:\n', 0o644);
  await put(directory, 'etc/inittab', await script('inittab'), 0o644);
  await put(directory, 'ka/boot', await script('boot.sh'), 0o755);
  await put(directory, 'ka/run-agent', await runAgent(), 0o755);
  await put(directory, 'ka/dhcp-script', await script('dhcp-script.sh'), 0o755);
};

/** Busybox under all its names, at a place that stage2 does not cover. */
const addBusybox = async (directory: string, root: string): Promise<void> => {
  await take(join(root, 'usr/bin/busybox'), directory, 'ka/bin/busybox', 0o755);
  const { stdout } = await run('busybox', ['--list'], { root });
  for (const name of stdout.split('\n').filter((applet) => applet !== '' && applet !== 'busybox')) {
    await symlink('busybox', join(directory, 'ka/bin', name));
  }
  await symlink('ka/bin/busybox', join(directory, 'init'));
};

/** Node as it runs here, without its symbol table, and the libraries it is linked with. */
const addNode = async (directory: string, options: InitrdOptions): Promise<void> => {
  const node = join(directory, 'ka/node');
  await run('strip', ['-o', node, process.execPath], { signal: options.signal });
  await chmod(node, 0o755);
  const { stdout } = await run('ldd', [process.execPath]);
  const names = [...stdout.matchAll(/^\s*(\S+\.so\S*) => /gm)].map(([, name = '']) => name);
  for (const name of names.filter((library) => !library.startsWith('linux-vdso'))) {
    await take(join(options.root, LIBRARIES, name), directory, join(LIBRARIES, name), 0o755);
  }
  const loader = 'usr/lib64/ld-linux-x86-64.so.2';
  await take(join(options.root, loader), directory, loader, 0o755);
};

const addModules = async (
  directory: string,
  { root, kernel, log, signal }: InitrdOptions,
  { own, foreign }: ChosenModules,
): Promise<void> => {
  const place = join('usr/lib/modules', kernel);
  for (const path of [...own, 'modules.order', 'modules.builtin', 'modules.builtin.modinfo']) {
    await take(join(root, place, path), directory, join(place, path), 0o644);
  }
  for (const file of foreign) {
    await take(file, directory, join(place, 'updates', basename(file)), 0o644);
  }
  await run('depmod', ['--basedir', directory, kernel], { signal });
  const files = [...own.map((path) => join(root, place, path)), ...foreign];
  const lacking: string[] = [];
  for (const [name, wanted] of await firmwareOf(files)) {
    const there = wanted.filter((path) => existsSync(join(root, 'usr/lib/firmware', path)));
    for (const path of there) {
      const to = join('usr/lib/firmware', path);
      await take(join(root, to), directory, to, 0o644);
    }
    if (there.length === 0) lacking.push(name);
  }
  log?.(`drivers: ${own.length + foreign.length} modules`);
  if (lacking.length > 0) {
    log?.(
      `drivers: no firmware for ${lacking.sort().join(', ')}; cards that need it work with --package firmware-… (Debian's non-free-firmware)`,
    );
  }
};

/** The packed system, made anew when anything in it has changed. */
const systemArchive = async (options: InitrdOptions): Promise<string> => {
  const { root, kernel, drivers, cache, log } = options;
  const modules = await chooseModules(join(root, 'usr/lib/modules', kernel), kernel, drivers);
  const hash = createHash('sha256');
  hash.update(`${basename(root)} ${process.version} ${JSON.stringify(modules.own)}\0`);
  for (const name of ['inittab', 'boot.sh', 'run-agent.sh', 'dhcp-script.sh']) {
    hash.update(await script(name));
  }
  hash.update(JSON.stringify(runtime));
  for (const file of modules.foreign) hash.update(await readFile(file));
  // The recipe in this file is part of what is kept: count up when it changes.
  hash.update('1');
  const archive = join(cache, `system-${hash.digest('hex').slice(0, 16)}.zst`);
  if (existsSync(archive)) {
    log?.('initrd: system as before');
    return archive;
  }
  log?.('initrd: packing the system; this takes a minute');
  const directory = await mkdtemp(join(cache, 'initrd-'));
  const unfinished = `${archive}.${process.pid}`;
  try {
    await addSkeleton(directory);
    await addBusybox(directory, root);
    await addNode(directory, options);
    await addModules(directory, options, modules);
    await packInitrd(directory, unfinished, { signal: options.signal });
    await rename(unfinished, archive);
  } finally {
    await rm(directory, { recursive: true, force: true });
    await rm(unfinished, { force: true });
  }
  return archive;
};

export const noAgent = (file: string, cause?: unknown): NamedError =>
  new NamedError('NoAgent', `${file} is missing; install ka again`, { cause });

export interface InitrdParts {
  system: Buffer;
  /** Files of the agent. */
  agent: readonly { name: string; bytes: Buffer }[];
}

/** Bytes the initrd is made of, to name its image by. */
export const initrdParts = async (options: InitrdOptions): Promise<InitrdParts> => {
  const agent = await Promise.all(
    Object.entries(AGENT).map(async ([name, file]) => {
      const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
        throw noAgent(file, cause);
      });
      return { name, bytes };
    }),
  );
  return { system: await readFile(await systemArchive(options)), agent };
};

/** Writes the initrd: both archives, one behind the other. */
export const writeInitrd = async (
  file: string,
  parts: InitrdParts,
  imprint: { id: string; version: string },
  options: PackOptions & { cache: string },
): Promise<void> => {
  const directory = await mkdtemp(join(options.cache, 'agent-'));
  const archive = `${directory}.zst`;
  try {
    // Only the kernel's own unpacker reads it, and it wants the directories too.
    for (const { name, bytes } of parts.agent) {
      await put(directory, `ka/${name}`, bytes.toString('utf8'), 0o644);
    }
    await put(directory, 'ka/image.json', `${JSON.stringify(imprint)}\n`, 0o644);
    await packInitrd(directory, archive, { signal: options.signal });
    await writeFile(file, Buffer.concat([parts.system, await readFile(archive)]));
  } finally {
    await rm(directory, { recursive: true, force: true });
    await rm(archive, { force: true });
  }
};
