/**
 * `-r 'LOADER [initramfs options]'`, checked against what the golden has: what
 * its loader or its initramfs tool would refuse ends here, and not on every
 * node after everything was copied.
 */

import type { InitramfsTool, InitramfsWishes, ToolOption } from '../boot/initramfs/tool.ts';
import { findInitramfsTool, INITRAMFS_TOOLS } from '../boot/initramfs/tools.ts';
import { comparableModule, installedKernels, kernelModules } from '../boot/kernels.ts';
import type { BootDisk } from '../boot/loaders/loader.ts';
import { configuredLoader, LOADERS, missingOf } from '../boot/loaders/loaders.ts';
import { Bootloader, type ClonePlan, type Firmware, KernelModuleName } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';

export interface BootChoice extends Omit<ClonePlan['bootloader'], 'firmware' | 'disk'> {
  /** Firmware the golden's loader can be installed for. */
  installableFor: ReadonlySet<Firmware>;
}

/**
 * Reads `-r` for the system in `root`; without it the golden's own loader is
 * meant. `table` is that of the disk it goes on. Throws `UnknownBootloader`,
 * `BootloaderMissing`, `UnknownOption`, `NoSuchModule`.
 */
export const chooseBoot = async (
  wanted: string | undefined,
  root: string,
  table: BootDisk['table'] = 'msdos',
): Promise<BootChoice> => {
  const [first, ...words] = wanted?.split(/\s+/).filter((word) => word !== '') ?? [];
  const kind = first === undefined ? await configuredLoader(root) : parseKind(first);
  const asked = first === undefined ? `the golden starts by ${kind}` : `-r ${kind}`;
  const installableFor = await requireInstallable(kind, asked, root, table);
  const wishes = await parseWishes(words, root);
  return {
    kind,
    installableFor,
    initramfsModules: [...wishes.modules],
    initramfsOptions: [...wishes.options],
  };
};

const parseKind = (word: string): Bootloader => {
  const known = Bootloader.safeParse(word);
  if (known.success) return known.data;
  const names = Bootloader.options.join(', ');
  throw new NamedError('UnknownBootloader', `-r ${word}: not a boot loader; use ${names}`);
};

const requireInstallable = async (
  kind: Bootloader,
  asked: string,
  root: string,
  table: BootDisk['table'],
): Promise<Set<Firmware>> => {
  if (kind === 'none') return new Set();
  const loader = LOADERS[kind];
  const missing = await missingOf(root, loader, table);
  const installable = [...missing].flatMap(([firmware, parts]) =>
    parts.length === 0 ? [firmware] : [],
  );
  if (installable.length > 0) return new Set(installable);
  const lacking = [...new Set([...missing.values()].flat())].join(', ');
  const packages = Object.values(loader.packages).join(', or ');
  throw new NamedError(
    'BootloaderMissing',
    `${asked}, but ${systemIn(root)} has no ${lacking}; install it (on Debian ${packages}), or choose another with -r`,
  );
};

const systemIn = (root: string): string => (root === '/' ? 'this golden' : `the golden in ${root}`);

/** `--with`, as the original's mkinitrd has it, is translated for each tool. */
const WITH: ToolOption = { names: ['--with'], value: 'kernel module' };

interface GivenOption {
  option: ToolOption;
  /** As they go to the tool. */
  words: string[];
  value: string | undefined;
}

const parseWishes = async (words: readonly string[], root: string): Promise<InitramfsWishes> => {
  if (words.length === 0) return { modules: [], options: [] };
  const tool = await findInitramfsTool(root);
  if (!tool) {
    const names = INITRAMFS_TOOLS.map(({ name }) => name).join(', ');
    throw new NamedError(
      'UnknownOption',
      `-r: nothing would heed "${words.join(' ')}", as ${systemIn(root)} has none of ${names}; install one or leave that out`,
    );
  }
  const given = parseOptions(words, tool);
  const modules = given.filter(({ option }) => option.value === 'kernel module');
  await requireModules(
    modules.map(({ value = '' }) => value),
    root,
  );
  const named = given.flatMap(({ option, value }) =>
    option === WITH && value !== undefined ? [comparableModule(value)] : [],
  );
  return {
    modules: [...new Set(named)],
    options: given.flatMap(({ option, words: own }) => (option === WITH ? [] : own)),
  };
};
/** Every word as an option the tool takes. */
const parseOptions = (words: readonly string[], tool: InitramfsTool): GivenOption[] => {
  const known = [WITH, ...tool.options];
  const left = [...words];
  const given: GivenOption[] = [];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const [, name = word, joined] = /^(--[^=]+)=(.*)$/.exec(word) ?? [];
    const option = known.find(({ names }) => names.includes(name));
    if (!option || (option.value === undefined && joined !== undefined)) {
      throw new NamedError(
        'UnknownOption',
        `-r: "${word}" is nothing that can be given to the golden's ${tool.name}; it takes ${known.map(describeOption).join(', ')}`,
      );
    }
    if (option.value === undefined) {
      given.push({ option, words: [word], value: undefined });
      continue;
    }
    const value = joined ?? left.shift() ?? '';
    if (value === '' || value.startsWith('-')) {
      throw new NamedError('UnknownOption', `-r: write ${describeOption(option)}`);
    }
    given.push({ option, words: joined === undefined ? [name, value] : [word], value });
  }
  return given;
};

const describeOption = ({ names: [name = ''], value }: ToolOption): string =>
  value === undefined ? name : `${name}=${value === 'text' ? 'WORD' : 'MODULE'}`;

/** Throws unless every kernel images are made for has all of these, as files or built in. */
const requireModules = async (wanted: readonly string[], root: string): Promise<void> => {
  const kernels = await installedKernels(root);
  if (kernels.length === 0) {
    throw new NamedError(
      'NoSuchModule',
      `-r: ${systemIn(root)} has no kernel in /boot to make an initramfs for; leave its options out`,
    );
  }
  for (const version of kernels) {
    const { loadable, builtIn } = await kernelModules(root, version);
    const unknown = wanted.find((name) => {
      const comparable = comparableModule(name);
      const isThere = loadable.has(comparable) || builtIn.has(comparable);
      return !isThere || !KernelModuleName.safeParse(name).success;
    });
    if (unknown === undefined) continue;
    throw new NamedError(
      'NoSuchModule',
      `-r: the golden's kernel ${version} has no module "${unknown}"; correct the name, or remove that kernel`,
    );
  }
};
