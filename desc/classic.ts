/**
 * The original's desc file, one disk, one line for each partition:
 *
 *     # whole-line comment
 *     [logical] linux|swap|extended|typeHEX  MEGABYTES|fill
 *
 * Order is numbering: primaries and the extended one 1, 2, 3 …, logical ones
 * 5, 6 …. A megabyte is 1 MiB, as fdisk's `+3500M` was. `fill` may stand on any
 * line, once among primaries and once among logical ones: it takes what the
 * others leave. Where logical ones leave no room in the extended one for their
 * tables, the largest of them gives way.
 */
import { DescError, type DescProblem } from './desc-error.ts';
import type { DiskSpec, PartitionSpec, Size } from './model.ts';
import { extendedTypes, isSwapType } from './partition-types.ts';
import { MIB } from './sizes.ts';
import { diskProblems, LOGICAL_GAP_BYTES } from './structure.ts';

export interface ClassicSource {
  /** Named in errors. */
  file: string;
  /** Name of the disk the file is for: sda. */
  disk: string;
}

/** A line of the file that could be read, with its number. */
interface Entry {
  line: number;
  role: PartitionSpec['role'];
  type: string;
  size: Size;
}

/** 2^32 sectors of 4096 bytes, in MiB: no msdos table reaches further. */
const MSDOS_MOST_MIB = 16 * 1024 * 1024;

/**
 * Reads a classic desc file. What it does not say (file system, mount point)
 * is left to `completeFromGolden`: such partitions have content `files` and
 * neither file system nor mount point.
 *
 * Throws `DescError` with one problem for each wrong line.
 */
export const parseClassic = (text: string, { file, disk }: ClassicSource): DiskSpec => {
  const problems: DescProblem[] = [];
  const entries: Entry[] = [];
  let lostExtended = false;
  for (const [index, raw] of text.split('\n').entries()) {
    const words = raw.trim().split(/\s+/);
    if (words[0] === '' || raw.trimStart().startsWith('#')) continue;
    const line = index + 1;
    const read = readLine(words);
    if (typeof read !== 'string') entries.push({ line, ...read });
    else {
      problems.push({ file, line, reason: read });
      lostExtended ||= words.includes('extended');
    }
  }
  const spec: DiskSpec = {
    name: disk,
    table: 'msdos',
    partitions: withRoomForTables(numbered(entries)),
  };
  // Without the extended line all logical ones look wrong, and without any
  // line that can be read there is nothing to judge.
  if (!lostExtended && (entries.length > 0 || problems.length === 0)) {
    for (const { partition, reason } of diskProblems(spec)) {
      const line = partition === null ? undefined : entries[partition]?.line;
      problems.push({ file, line, reason });
    }
  }
  if (problems.length > 0) throw new DescError(problems);
  return spec;
};

const readLine = (words: readonly string[]): Omit<Entry, 'line'> | string => {
  const logical = words[0] === 'logical';
  const [kind, size, ...trailing] = logical ? words.slice(1) : words;
  if (kind === undefined)
    return 'logical alone; write logical, a type and a size: logical linux 500';
  const type = readType(kind);
  if (typeof type === 'string') return type;
  if (logical && type.role === 'extended') {
    return 'an extended partition cannot be logical; remove the word logical';
  }
  if (size === undefined) return `no size after ${kind}; add megabytes or fill: ${kind} 3500`;
  const read = readSize(size);
  if (typeof read === 'string') return read;
  if (trailing.length > 0) {
    const rest = trailing.join(' ');
    return `unexpected "${rest}" after the size; remove it (comments have a line of their own)`;
  }
  return { role: logical ? 'logical' : type.role, type: type.code, size: read };
};

const readType = (word: string): { role: 'primary' | 'extended'; code: string } | string => {
  if (word === 'linux') return { role: 'primary', code: '83' };
  if (word === 'swap') return { role: 'primary', code: '82' };
  if (word === 'extended') return { role: 'extended', code: '05' };
  const hex = /^type([0-9a-fA-F]{1,2})$/.exec(word)?.[1];
  if (hex === undefined) {
    const known = 'linux, swap, extended or type and two hex digits (type83)';
    return `unknown word "${word}"; use ${known}, with logical before it where needed`;
  }
  const code = hex.toUpperCase().padStart(2, '0');
  if (code === '00') return 'type 00 means no partition; use another type';
  if (extendedTypes.includes(code)) {
    return `${word} is an extended partition; write extended instead`;
  }
  return { role: 'primary', code };
};

const readSize = (word: string): Size | string => {
  if (word === 'fill') return { kind: 'fill' };
  const advice = 'give whole megabytes without a unit, or fill';
  if (!/^\d+$/.test(word)) return `"${word}" is not a size; ${advice}`;
  const mib = Number(word);
  if (mib === 0) return `a partition of size zero; ${advice}`;
  if (mib > MSDOS_MOST_MIB) {
    return `${word} megabytes are more than an msdos table can hold; give a smaller size, or use YAML with gpt`;
  }
  return { kind: 'bytes', bytes: mib * MIB };
};

const numbered = (entries: readonly Entry[]): PartitionSpec[] => {
  let primary = 1;
  let logical = 5;
  return entries.map(({ role, type, size }) => {
    const number = role === 'logical' ? logical++ : primary++;
    const swap = isSwapType('msdos', type);
    return {
      number,
      role,
      size,
      type,
      flags: [],
      content: role === 'extended' || swap ? 'empty' : 'files',
      ...(swap ? { filesystem: { type: 'swap', options: [] } } : {}),
    };
  });
};

/**
 * fdisk_to_desc writes `extended 38326` and in it `logical linux 38326`: fdisk
 * needed some sectors for the table in front of a logical partition, ka's
 * alignment takes 1 MiB. Sizes that fit but for these tables are meant so, and
 * the largest logical partition (of equal ones the last) gets what is left.
 */
const withRoomForTables = (partitions: readonly PartitionSpec[]): PartitionSpec[] => {
  const bytesOf = ({ size }: PartitionSpec): number => (size.kind === 'bytes' ? size.bytes : 0);
  const [holder, second] = partitions.filter(({ role }) => role === 'extended');
  const logicals = partitions.filter(({ role }) => role === 'logical');
  const isFixed = [...(holder ? [holder] : []), ...logicals].every(
    ({ size }) => size.kind === 'bytes',
  );
  if (!holder || second || !isFixed) return [...partitions];
  const wanted = logicals.reduce((sum, partition) => sum + bytesOf(partition), 0);
  const missing = wanted + logicals.length * LOGICAL_GAP_BYTES - bytesOf(holder);
  const largest = logicals.reduce<PartitionSpec | undefined>(
    (most, partition) => (most && bytesOf(most) > bytesOf(partition) ? most : partition),
    undefined,
  );
  const left = largest ? bytesOf(largest) - missing : 0;
  if (wanted > bytesOf(holder) || missing <= 0 || left < MIB) return [...partitions];
  return partitions.map((partition) =>
    partition === largest ? { ...partition, size: { kind: 'bytes', bytes: left } } : partition,
  );
};
