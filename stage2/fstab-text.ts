/** Rewrites the text of an fstab from the golden's devices to the node's. */
import { isEsp } from '../desc/boot-partitions.ts';
import { tagOf } from '../desc/fstab-places.ts';
import { fstabSource } from '../desc/mounts.ts';
import { isFormatted } from './mkfs.ts';
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

/** Every way an fstab can name the golden's partition: its device, its identities, links in /dev/disk. */
const isNamedBy = ({ partition: { golden } }: NodeReference, written: string): boolean => {
  if (!golden) return false;
  const spec = fstabSource(written);
  const asked = tagOf(spec);
  if (!asked) return spec === golden.device;
  const { tag, value } = asked;
  if (tag === 'LABEL') return value === golden.label;
  const id = { UUID: golden.uuid, PARTUUID: golden.partUuid, PARTLABEL: undefined }[tag];
  return id !== undefined && id.toLowerCase() === value.toLowerCase();
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

const asksSubvolume = (options: string): boolean => /(?:^|,)subvol(?:id)?=/.test(options);

/** A subvolume belongs to the golden's btrfs; the node's fresh one has only its top level. */
const withoutSubvolume = ({ partition }: NodeReference, options: string): string => {
  if (!isFormatted(partition)) return options;
  const kept = options.split(',').filter((option) => !asksSubvolume(option));
  return kept.join(',') || 'defaults';
};

/**
 * Of the lines that name one partition, that for its own place: the one with
 * its mount point, otherwise the first. The others mount it a second time.
 */
const ownLine = (
  lines: readonly Line[],
  { partition: { mount } }: NodeReference,
): Line | undefined =>
  lines.find((line) => mount !== undefined && line.mount === encodeField(mount)) ?? lines[0];

/** Check order of fsck at boot: the root first, xfs and btrfs never. */
const passNumber = (mount: string, type: string): number => {
  if (type === 'xfs' || type === 'btrfs' || type === 'swap') return 0;
  return mount === '/' ? 1 : 2;
};

/** The fields of fstab(5), as written there. */
interface Line {
  spec: string;
  mount: string;
  type: string;
  options: string;
  dump: string;
  pass: string;
}

/** Null for comments and what is no line. */
const parseLine = (text: string): Line | null => {
  const [spec, mount, type, options = 'defaults', dump = '0', pass = '0'] = text
    .trim()
    .split(/\s+/);
  if (!spec || spec.startsWith('#') || !mount || !type) return null;
  return { spec, mount, type, options, dump, pass };
};

const nodeLine = (
  reference: NodeReference,
  { mount, type, options, dump, pass }: Omit<Line, 'spec'>,
): string => {
  const { uuid, partUuid, device } = reference;
  const spec = uuid ? `UUID=${uuid}` : partUuid ? `PARTUUID=${partUuid}` : device;
  return [spec, mount, type, options, dump, pass].join('\t');
};

/**
 * Lines that name a cloned partition get the node's UUID, type and options;
 * lines that name another disk of the golden are commented out with a reason,
 * because a missing disk stops the boot; so are further subvolumes, whose files
 * are in the one file system the node has. All others (nfs, tmpfs, cdrom,
 * comments) stay byte for byte. What the plan mounts or swaps and the golden's
 * fstab does not have is added.
 */
export const rewriteFstab = (text: string, references: readonly NodeReference[]): FstabChange => {
  const changes: string[] = [];
  const entries = text.split('\n').map((line) => ({ text: line, line: parseLine(line) }));
  const referenceOf = (line: Line): NodeReference | undefined =>
    references.find((candidate) => takesPlaceOf(candidate, line.mount)) ??
    references.find((candidate) => isNamedBy(candidate, line.spec));
  const named = Map.groupBy(
    entries.flatMap(({ line }) => line ?? []),
    referenceOf,
  );
  const rewrite = (line: Line, reference: NodeReference): string => {
    const { partition } = reference;
    const newType = partition.filesystem?.type ?? reference.type ?? line.type;
    return nodeLine(reference, {
      mount: partition.mount === undefined ? line.mount : encodeField(partition.mount),
      type: newType,
      options: withoutSubvolume(reference, partition.mountOptions ?? line.options),
      dump: line.dump,
      pass: newType === line.type ? line.pass : `${passNumber(line.mount, newType)}`,
    });
  };
  const lines = entries.map(({ text: before, line }) => {
    if (!line) return before;
    const { spec, mount, type, options } = line;
    const reference = referenceOf(line);
    if (!reference) {
      if (isForeign(spec, type, options)) return before;
      changes.push(`${spec} (${mount}) is not on a cloned disk: commented out`);
      return `# not on a cloned disk: ${before}`;
    }
    const isOwn = ownLine(named.get(reference) ?? [], reference) === line;
    if (!isOwn && isFormatted(reference.partition) && asksSubvolume(options)) {
      changes.push(`${spec} (${mount}) is no subvolume of its own on this node: commented out`);
      return `# no subvolume of its own here: ${before}`;
    }
    const rewritten = isOwn
      ? rewrite(line, reference)
      : nodeLine(reference, { ...line, type: reference.partition.filesystem?.type ?? type });
    changes.push(`${spec} → ${rewritten.replaceAll('\t', ' ')}`);
    return rewritten;
  });
  const added = references.filter((reference) => !named.has(reference)).flatMap(newLine);
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
      options: withoutSubvolume(reference, partition.mountOptions ?? usualOptions(reference)),
      dump: '0',
      pass: `${passNumber(partition.mount, type)}`,
    }),
  ];
};
