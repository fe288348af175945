/** Chooses kernel modules for the initrd, with what they depend on. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { STAGE1_NAMES, VIRTIO_NAMES, WIRED_MODULES, WIRED_NAMES } from './recipe.ts';

/** What `--drivers` says: all wired cards, those of virtual machines, or a file with a list. */
export type Drivers = { kind: 'all' | 'virtio' } | { kind: 'file'; path: string };

export interface ChosenModules {
  /** Of the kernel package, relative to the modules' directory (`kernel/drivers/…/x.ko`). */
  own: string[];
  /** Files of the site's own, checked against the kernel. */
  foreign: string[];
}

/** `--drivers all|virtio|FILE`. */
export const parseDrivers = (text: string): Drivers =>
  text === 'all' || text === 'virtio' ? { kind: text } : { kind: 'file', path: resolve(text) };

/** The one kernel installed in a Debian root. Throws `NoKernel` unless there is exactly one. */
export const kernelOf = async (root: string): Promise<string> => {
  const found = await readdir(join(root, 'usr/lib/modules'));
  const [kernel] = found;
  if (kernel !== undefined && found.length === 1) return kernel;
  throw new NamedError(
    'NoKernel',
    `the image would have ${found.length} kernels (${found.join(', ') || 'none'}); leave linux-image packages out of --package`,
  );
};

/** Chooses from the modules in `directory` (usr/lib/modules/KERNEL of a root). */
export const chooseModules = async (
  directory: string,
  kernel: string,
  drivers: Drivers,
): Promise<ChosenModules> => {
  const dependencies = await readDependencies(directory);
  const builtin = await readBuiltin(directory);
  const byName = new Map([...dependencies.keys()].map((path) => [nameOf(path), path]));
  const { paths, names, foreign } = await wanted(drivers, kernel, dependencies);
  const chosen = new Set<string>();
  const take = (path: string): void => {
    if (chosen.has(path)) return;
    chosen.add(path);
    for (const other of dependencies.get(path) ?? []) take(other);
  };
  for (const path of paths) take(path);
  for (const name of [...names, ...STAGE1_NAMES]) {
    const path = byName.get(canonical(name));
    if (path !== undefined) take(path);
    else if (!builtin.has(canonical(name))) {
      throw new NamedError(
        'NoSuchModule',
        `kernel ${kernel} has no module "${name}"; correct the list given with --drivers`,
      );
    }
  }
  return { own: [...chosen].sort(), foreign };
};

const wanted = async (
  drivers: Drivers,
  kernel: string,
  dependencies: ReadonlyMap<string, string[]>,
): Promise<{ paths: string[]; names: readonly string[]; foreign: string[] }> => {
  if (drivers.kind === 'virtio') return { paths: [], names: VIRTIO_NAMES, foreign: [] };
  if (drivers.kind === 'file') {
    const { names, files } = await readDriverList(drivers.path);
    for (const file of files) await checkVermagic(file, kernel);
    return { paths: [], names, foreign: files };
  }
  const isWired = (path: string): boolean =>
    WIRED_MODULES.some((place) => path.startsWith(`kernel/${place}/`));
  return { paths: [...dependencies.keys()].filter(isWired), names: WIRED_NAMES, foreign: [] };
};

/** What `--drivers FILE` lists. */
export interface DriverList {
  names: string[];
  /** Paths of .ko files. */
  files: string[];
}

const MODULE_NAME = /^[A-Za-z0-9_-]+$/;

/**
 * Reads it: a module name or a .ko file in each line; blank lines and #
 * comments do not count. Throws `DriversUnreadable`, also when a file of the
 * list is not there.
 */
export const readDriverList = async (path: string): Promise<DriverList> => {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new NamedError(
      'DriversUnreadable',
      `--drivers ${path}: cannot be read (${cause.code}); give all, virtio or a file with a list`,
      { cause },
    );
  });
  const list: DriverList = { names: [], files: [] };
  for (const [index, line] of text.split('\n').entries()) {
    const word = line.replace(/#.*/, '').trim();
    if (word === '') continue;
    const fault = (what: string) =>
      new NamedError('DriversUnreadable', `--drivers ${path}: line ${index + 1}: ${what}`);
    if (word.endsWith('.ko')) {
      const file = resolve(dirname(path), word);
      if (!(await isFile(file))) throw fault(`${file} is not there`);
      list.files.push(file);
    } else if (MODULE_NAME.test(word)) list.names.push(word);
    else throw fault(`${JSON.stringify(word)} is neither a module's name nor a .ko file`);
  }
  return list;
};

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** The kernel refuses a module built for another one, at a time when nobody can see why. */
const checkVermagic = async (file: string, kernel: string): Promise<void> => {
  const { stdout } = await run('modinfo', ['--field=vermagic', file]);
  const [built = 'none'] = stdout.trim().split(' ');
  if (built === kernel) return;
  throw new NamedError(
    'WrongKernel',
    `${file} is built for kernel ${built}, the image has ${kernel}; build it for that one`,
  );
};

/** Firmware files that modules ask for, relative to usr/lib/firmware, by module. */
export const firmwareOf = async (files: readonly string[]): Promise<Map<string, string[]>> => {
  const wantedBy = new Map<string, string[]>();
  for (const file of files) {
    const { stdout } = await run('modinfo', ['--field=firmware', file]);
    const names = stdout.split('\n').filter(Boolean);
    if (names.length > 0) wantedBy.set(nameOf(file), names);
  }
  return wantedBy;
};

/** Modules are called with dashes or underscores alike. */
const canonical = (name: string): string => name.replaceAll('-', '_');

const nameOf = (path: string): string => canonical(basename(path, '.ko'));

/** modules.dep(5): "a.ko: b.ko c.ko", all that is needed, not only the next. */
const readDependencies = async (directory: string): Promise<Map<string, string[]>> => {
  const text = await readFile(join(directory, 'modules.dep'), 'utf8');
  const needs = new Map<string, string[]>();
  for (const line of text.split('\n').filter(Boolean)) {
    const [path = '', others = ''] = line.split(':');
    needs.set(path, others.trim().split(' ').filter(Boolean));
  }
  await addSoftDependencies(directory, needs);
  return needs;
};

/** modules.softdep: "softdep r8169 pre: realtek": without its PHY's driver a card has no link. */
const addSoftDependencies = async (
  directory: string,
  needs: Map<string, string[]>,
): Promise<void> => {
  const text = await readFile(join(directory, 'modules.softdep'), 'utf8');
  const byName = new Map([...needs.keys()].map((path) => [nameOf(path), path]));
  for (const line of text.split('\n')) {
    const [, name, words] = /^softdep (\S+) (.+)$/.exec(line) ?? [];
    const path = byName.get(canonical(name ?? ''));
    if (path === undefined) continue;
    const others = (words ?? '').split(/\s+/).flatMap((word) => byName.get(canonical(word)) ?? []);
    needs.set(path, [...(needs.get(path) ?? []), ...others]);
  }
};

const readBuiltin = async (directory: string): Promise<Set<string>> => {
  const text = await readFile(join(directory, 'modules.builtin'), 'utf8');
  return new Set(text.split('\n').filter(Boolean).map(nameOf));
};
