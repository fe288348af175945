/** Checks that a boot configuration only speaks of the node's own disks. */
import { NamedError } from '../system/named-error.ts';
import type { NodeReference } from './node-references.ts';

/** Device names in root= and resume=; nfs and device-mapper names are the same on every machine. */
const BY_DEVICE = /\b(?:root|resume)=["']?(\/dev\/(?!nfs\b|mapper\/)[^\s"']+)/g;

/** `root=UUID=…`, and lilo's `root="UUID=…"`. */
const BY_UUID = /\b(?:root|resume)=["']?UUID=["']?([\w-]+)/g;

const BY_PARTUUID = /\b(?:root|resume)=["']?PARTUUID=["']?([\w-]+)/g;

/** grub: `search --no-floppy --fs-uuid --set=root [--hint…] UUID`; the UUID is the last word. */
const BY_SEARCH = /^\s*search\b.*--fs-uuid\b.*?\s["']?([\w-]+)["']?\s*$/gm;

const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].flatMap(([, value]) => (value === undefined ? [] : [value]));

/**
 * Throws `BootConfigWrong` when `text` (of `file`) names a root by device, or
 * by an id that no partition of the node has: grub-mkconfig writes such things
 * without complaint where it cannot find a disk's links.
 */
export const checkBootConfig = (
  file: string,
  text: string,
  references: readonly NodeReference[],
): void => {
  const ids = (values: readonly (string | undefined)[]): Set<string> =>
    new Set(values.flatMap((value) => (value === undefined ? [] : [value.toLowerCase()])));
  const uuids = ids(references.map(({ uuid }) => uuid));
  const partUuids = ids(references.map(({ partUuid }) => partUuid));
  const wrong = [
    ...found(text, BY_DEVICE),
    ...[...found(text, BY_UUID), ...found(text, BY_SEARCH)].filter(
      (id) => !uuids.has(id.toLowerCase()),
    ),
    ...found(text, BY_PARTUUID).filter((id) => !partUuids.has(id.toLowerCase())),
  ];
  if (wrong.length === 0) return;
  throw new NamedError(
    'BootConfigWrong',
    `${file} of the clone names ${[...new Set(wrong)].join(', ')}, which this node does not have; it would not boot, look at the node's log`,
  );
};
