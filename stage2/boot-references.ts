/** Puts the node's UUIDs in place of the golden's in everything that is read while booting. */
import type { BootFiles } from '../boot/boot-files.ts';
import { INITRAMFS_TOOLS } from '../boot/initramfs/tools.ts';
import { LOADERS } from '../boot/loaders/loaders.ts';
import { ESP_MOUNTS } from '../desc/boot-partitions.ts';
import { listInside, readInside, writeInside } from '../system/inside.ts';
import type { NodeReference } from './node-references.ts';

/** Of no loader or tool alone. */
const COMMON: BootFiles = {
  files: ['/etc/crypttab', '/etc/kernel/cmdline'],
  directories: [
    ['/boot/loader/entries', /\.conf$/],
    ...ESP_MOUNTS.map((mount) => [`${mount}/loader/entries`, /\.conf$/] as const),
  ],
};

const ALL: readonly BootFiles[] = [
  COMMON,
  ...[...Object.values(LOADERS), ...INITRAMFS_TOOLS].map(({ bootFiles: own }) => own),
];

/** All boot files the clone has, as paths inside it. */
export const bootFiles = async (root: string): Promise<string[]> => {
  const found = ALL.flatMap(({ files }) => files);
  for (const [directory, wanted] of ALL.flatMap(({ directories }) => directories)) {
    const names = await listInside(root, directory);
    found.push(...names.filter((name) => wanted.test(name)).map((name) => `${directory}/${name}`));
  }
  for (const mount of [...ESP_MOUNTS, '/boot']) {
    // One directory for each loader: EFI/debian/grub.cfg.
    for (const name of await listInside(root, `${mount}/EFI`)) {
      found.push(`${mount}/EFI/${name}/grub.cfg`);
    }
  }
  return found;
};

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** The id as a whole, not as a part of a longer one. Grub's menu ids end in it: gnulinux-simple-UUID. */
const wholeWord = (word: string): RegExp =>
  new RegExp(`(?<![0-9a-z])${escapeRegExp(word)}(?![0-9a-z-])`, 'gi');

/**
 * The text with each golden UUID and PARTUUID replaced by the node's, and
 * `root=` and `resume=` by device name turned into UUID=, since device names
 * are not the same on every machine.
 */
export const replaceReferences = (text: string, references: readonly NodeReference[]): string =>
  references.reduce((before, { partition: { golden }, uuid, partUuid }) => {
    let after = before;
    if (golden?.uuid && uuid) after = after.replace(wholeWord(golden.uuid), uuid);
    if (golden?.partUuid && partUuid) after = after.replace(wholeWord(golden.partUuid), partUuid);
    if (golden && uuid) {
      const byName = new RegExp(
        `\\b(root|resume)=(${escapeRegExp(golden.device)})(?![\\w-])`,
        'gi',
      );
      after = after.replace(byName, `$1=UUID=${uuid}`);
    }
    return after;
  }, text);

/** With this setting grub-mkconfig would write device names into root= again. */
const withUuids = (text: string): string =>
  text.replace(/^(\s*GRUB_DISABLE_LINUX_UUID=["']?true["']?)/gm, '# $1');

/** Rewrites the boot files under `root`; returns the paths that changed. */
export const rewriteBootFiles = async (
  root: string,
  references: readonly NodeReference[],
): Promise<string[]> => {
  const changed: string[] = [];
  for (const path of await bootFiles(root)) {
    const before = await readInside(root, path);
    if (before === null) continue;
    const replaced = replaceReferences(before, references);
    const after = path.startsWith('/etc/default/grub') ? withUuids(replaced) : replaced;
    if (after === before) continue;
    await writeInside(root, path, after);
    changed.push(path);
  }
  return changed;
};
