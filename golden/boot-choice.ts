/**
 * `-r 'LOADER [initramfs options]'`, checked against what the golden has: what
 * its loader or its initramfs tool would refuse ends here, and not on every
 * node after everything was copied.
 */
import type { BootDisk } from '../boot/loaders/loader.ts';
import { configuredLoader, LOADERS, missingOf } from '../boot/loaders/loaders.ts';
import { Bootloader, type ClonePlan, type Firmware } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';
import { parseWishes } from './initramfs-wishes.ts';

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
  const system = root === '/' ? 'this golden' : `the golden in ${root}`;
  const lead =
    first === undefined
      ? `${system} starts by ${kind}, but has no`
      : `-r ${kind}: ${system} has no`;
  const installableFor = await requireInstallable(kind, lead, root, table);
  const { modules, options } = await parseWishes(words, root, system);
  return { kind, installableFor, initramfsModules: modules, initramfsOptions: options };
};

const parseKind = (word: string): Bootloader => {
  const known = Bootloader.safeParse(word);
  if (known.success) return known.data;
  const names = Bootloader.options.join(', ');
  throw new NamedError('UnknownBootloader', `-r ${word}: not a boot loader; use ${names}`);
};

const requireInstallable = async (
  kind: Bootloader,
  lead: string,
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
    `${lead} ${lacking}; install it (on Debian ${packages}), or choose another with -r`,
  );
};
