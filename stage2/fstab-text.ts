/** Rewrites the text of an fstab from the golden's devices to the node's. */
import { isEsp } from '../desc/boot-partitions.ts';
import type { NodeReference } from './node-references.ts';

export interface FstabChange {
  text: string;
  /** One line for each change, for the log. */
  changes: string[];
}

/** Sources that are no block device of a disk: they stay as they are. */
const isForeign = (spec: string, type: string, options: string): boolean => {
  if (/^(UUID|LABEL|PARTUUID|PARTLABEL)=/i.test(spec)) return options.split(',').includes('noauto');
  if (!spec.startsWith('/dev/')) return true;
  if (/^\/dev\/(cdrom|dvd|sr\d|scd\d|fd\d|floppy|shm|pts)/.test(spec)) return true;
  return type === 'iso9660' || options.split(',').includes('noauto');
};

/**
 * Every way an fstab can name the golden's partition. Device names and labels
 * may be quoted or written as links in /dev/disk.
 */
const isNamedBy = ({ partition: { golden } }: NodeReference, quoted: string): boolean => {
  if (!golden) return false;
  const spec = quoted.replace(/"/g, '');
  const same = (value: string | undefined, wanted: string | undefined): boolean =>
    wanted !== undefined && value?.toLowerCase() === wanted.toLowerCase();
  const tag = /^(UUID|LABEL|PARTUUID)=(.*)$/i.exec(spec);
  const link = /^\/dev\/disk\/by-(uuid|label|partuuid)\/(.*)$/.exec(spec);
  const [, kind, value] = tag ?? link ?? [];
  if (kind === undefined) return spec === golden.device;
  const known: Record<string, string | undefined> = {
    uuid: golden.uuid,
    label: golden.label,
    partuuid: golden.partUuid,
  };
  return kind.toLowerCase() === 'label'
    ? value === golden.label
    : same(value, known[kind.toLowerCase()]);
};

/** The golden has a file system there that is not cloned as such: the node's own one takes its place. */
const takesPlaceOf = ({ partition }: NodeReference, mount: string): boolean =>
  !partition.golden && partition.mount !== undefined && encodeField(partition.mount) === mount;

/** fstab(5): spaces and tabs in a field are octal. */
const encodeField = (text: string): string =>
  text.replace(
    /[ \t\n\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );

/** A subvolume belongs to the golden's btrfs; the node's fresh one has only its top level. */
const withoutSubvolume = (options: string): string =>
  options
    .split(',')
    .filter((option) => !/^subvol(id)?=/.test(option))
    .join(',') || 'defaults';

/** Check order of fsck at boot: the root first, xfs and btrfs never. */
const passNumber = (mount: string, type: string): number => {
  if (type === 'xfs' || type === 'btrfs' || type === 'swap') return 0;
  return mount === '/' ? 1 : 2;
};

const nodeLine = (
  reference: NodeReference,
  {
    mount,
    type,
    options,
    dump,
    pass,
  }: Record<'mount' | 'type' | 'options' | 'dump' | 'pass', string>,
): string => {
  const { uuid, partUuid, device } = reference;
  const spec = uuid ? `UUID=${uuid}` : partUuid ? `PARTUUID=${partUuid}` : device;
  return [spec, mount, type, options, dump, pass].join('\t');
};

/**
 * Lines that name a cloned partition get the node's UUID, type and options;
 * lines that name another disk of the golden are commented out with a reason,
 * because a missing disk stops the boot; all others (nfs, tmpfs, cdrom,
 * comments) stay byte for byte. What the plan mounts or swaps and the golden's
 * fstab does not have is added.
 */
export const rewriteFstab = (text: string, references: readonly NodeReference[]): FstabChange => {
  const changes: string[] = [];
  const used = new Set<NodeReference>();
  const lines = text.split('\n').map((line) => {
    const [spec, mount, type, options = 'defaults', dump = '0', pass = '0'] = line
      .trim()
      .split(/\s+/);
    if (!spec || spec.startsWith('#') || !mount || !type) return line;
    const reference =
      references.find((candidate) => isNamedBy(candidate, spec)) ??
      references.find((candidate) => takesPlaceOf(candidate, mount));
    if (!reference) {
      if (isForeign(spec, type, options)) return line;
      changes.push(`${spec} (${mount}) is not on a cloned disk: commented out`);
      return `# not on a cloned disk: ${line}`;
    }
    used.add(reference);
    const { partition } = reference;
    const newType = partition.filesystem?.type ?? reference.type ?? type;
    const rewritten = nodeLine(reference, {
      mount: partition.mount === undefined ? mount : encodeField(partition.mount),
      type: newType,
      options: withoutSubvolume(partition.mountOptions ?? options),
      dump,
      pass: newType === type ? pass : `${passNumber(mount, newType)}`,
    });
    changes.push(`${spec} → ${rewritten.replaceAll('\t', ' ')}`);
    return rewritten;
  });
  const added = references.filter((reference) => !used.has(reference)).flatMap(newLine);
  changes.push(...added.map((line) => `added ${line.replaceAll('\t', ' ')}`));
  while (added.length > 0 && lines.at(-1) === '') lines.pop();
  return {
    text: added.length > 0 ? `${[...lines, ...added].join('\n')}\n` : lines.join('\n'),
    changes,
  };
};

/** Fat has no owners: what firmware starts, and what seeds its random numbers, is root's to see. */
const usualOptions = ({ disk, partition }: NodeReference): string =>
  isEsp(disk.table, partition.type) ? 'umask=0077' : 'defaults';

/** The line of a partition the golden's fstab does not know; none when it is not mounted. */
const newLine = (reference: NodeReference): string[] => {
  const { partition } = reference;
  const type = partition.filesystem?.type ?? reference.type;
  if (type === undefined) return [];
  if (type === 'swap') {
    return [nodeLine(reference, { mount: 'none', type, options: 'sw', dump: '0', pass: '0' })];
  }
  if (partition.mount === undefined) return [];
  return [
    nodeLine(reference, {
      mount: encodeField(partition.mount),
      type,
      options: withoutSubvolume(partition.mountOptions ?? usualOptions(reference)),
      dump: '0',
      pass: `${passNumber(partition.mount, type)}`,
    }),
  ];
};
