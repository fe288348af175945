/** Modules and options for the golden's initramfs tool, as given with `-r` behind the loader's name. */
import type { InitramfsTool, ToolOption } from '../boot/initramfs/tool.ts';
import { findInitramfsTool, INITRAMFS_TOOLS } from '../boot/initramfs/tools.ts';
import { comparableModule, installedKernels, kernelModules } from '../boot/kernels.ts';
import { ClonePlan } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';

/** `--with`, as the original's mkinitrd has it, is translated for each tool. */
const WITH: ToolOption = { names: ['--with'], value: 'kernel module' };

interface GivenOption {
  option: ToolOption;
  /** As they go to the tool. */
  words: string[];
  value: string | undefined;
}

/**
 * Reads the words behind the loader's name for the system in `root` (`system`
 * in messages). Throws `UnknownOption`, `NoSuchModule`.
 */
export const parseWishes = async (
  words: readonly string[],
  root: string,
  system: string,
): Promise<{ modules: string[]; options: string[] }> => {
  if (words.length === 0) return { modules: [], options: [] };
  const tool = await findInitramfsTool(root);
  if (!tool) {
    const names = INITRAMFS_TOOLS.map(({ name }) => name).join(', ');
    throw new NamedError(
      'UnknownOption',
      `-r: nothing would heed "${words.join(' ')}", as ${system} has none of ${names}; install one or leave that out`,
    );
  }
  const given = parseOptions(words, tool);
  const modules = given.filter(({ option }) => option.value === 'kernel module');
  await requireModules(
    modules.map(({ value = '' }) => value),
    root,
    system,
  );
  const named = given.flatMap(({ option, value }) =>
    option === WITH && value !== undefined ? [comparableModule(value)] : [],
  );
  const wishes = {
    modules: [...new Set(named)],
    options: given.flatMap(({ option, words: own }) => (option === WITH ? [] : own)),
  };
  const { initramfsModules, initramfsOptions } = ClonePlan.shape.bootloader.shape;
  if (
    initramfsModules.safeParse(wishes.modules).success &&
    initramfsOptions.safeParse(wishes.options).success
  ) {
    return wishes;
  }
  throw new NamedError(
    'UnknownOption',
    '-r: too many or too long words, or letters that are not ASCII; write it shorter',
  );
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
const requireModules = async (
  wanted: readonly string[],
  root: string,
  system: string,
): Promise<void> => {
  const kernels = await installedKernels(root);
  if (kernels.length === 0) {
    throw new NamedError(
      'NoSuchModule',
      `-r: ${system} has no kernel in /boot to make an initramfs for; leave its options out`,
    );
  }
  for (const version of kernels) {
    const { loadable, builtIn } = await kernelModules(root, version);
    const unknown = wanted.find((name) => {
      const comparable = comparableModule(name);
      return !loadable.has(comparable) && !builtIn.has(comparable);
    });
    if (unknown === undefined) continue;
    throw new NamedError(
      'NoSuchModule',
      `-r: the golden's kernel ${version} has no module "${unknown}"; correct the name, or remove that kernel`,
    );
  }
};
