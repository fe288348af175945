/** The kernels a system has, and their modules. */
import { listInside, readInside } from '../system/inside.ts';

const MODULE_PLACES = ['/lib/modules', '/usr/lib/modules'];

const moduleDirectories = async (root: string): Promise<string[]> => {
  const names: string[] = [];
  for (const place of MODULE_PLACES) names.push(...(await listInside(root, place)));
  return [...new Set(names)].sort();
};

const readModuleFile = async (
  root: string,
  version: string,
  file: string,
): Promise<string | null> => {
  for (const place of MODULE_PLACES) {
    const text = await readInside(root, `${place}/${version}/${file}`);
    if (text !== null) return text;
  }
  return null;
};

/** Kernel images in /boot, whatever their names: Arch calls its one vmlinuz-linux. */
export const kernelImages = async (root: string): Promise<string[]> =>
  (await listInside(root, '/boot')).filter((name) => /^(vmlinu|kernel-|Image)/.test(name)).sort();

/**
 * Versions an initramfs is made for: those with an image in /boot, or, where
 * images are not named by their version, all that have a list of modules.
 */
export const installedKernels = async (root: string): Promise<string[]> => {
  const images = await kernelImages(root);
  if (images.length === 0) return [];
  const versions = await moduleDirectories(root);
  const named = versions.filter((version) => images.some((name) => name.endsWith(version)));
  if (named.length > 0) return named;
  const listed: string[] = [];
  for (const version of versions) {
    if ((await readModuleFile(root, version, 'modules.dep')) !== null) listed.push(version);
  }
  return listed;
};

/** Names without directory and ending; dashes and underscores are the same to the kernel's tools. */
export interface KernelModules {
  /** Comparable name → name of the file. */
  loadable: ReadonlyMap<string, string>;
  builtIn: ReadonlySet<string>;
}

/** A module's name as it is compared: `snd-hda-intel` is `snd_hda_intel`. */
export const comparableModule = (name: string): string => name.replaceAll('-', '_');

/** `kernel/drivers/ata/ata_piix.ko.xz` → `ata_piix` */
const fileName = (path: string): string =>
  path.slice(path.lastIndexOf('/') + 1).replace(/\.ko(\.\w+)?$/, '');

const linesOf = (text: string | null): string[] =>
  (text ?? '').split('\n').filter((line) => line !== '');

/** By modules.dep and modules.builtin (depmod(8)); nothing where these are not there. */
export const kernelModules = async (root: string, version: string): Promise<KernelModules> => {
  const loadable = linesOf(await readModuleFile(root, version, 'modules.dep'))
    .map((line) => fileName(line.split(':')[0] ?? ''))
    .map((name) => [comparableModule(name), name] as const);
  const builtIn = linesOf(await readModuleFile(root, version, 'modules.builtin'));
  return {
    loadable: new Map(loadable),
    builtIn: new Set(builtIn.map((path) => comparableModule(fileName(path)))),
  };
};
