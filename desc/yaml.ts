/** YAML descriptions: text → model, with file, line, column and path for each mistake. */
import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { ESP_MOUNTS } from './boot-partitions.ts';
import { isCleanPath, withoutEndSlash } from './clean-path.ts';
import { DescError, type DescProblem } from './desc-error.ts';
import type { Description, DiskSpec, FilesystemSpec, PartitionSpec, Size } from './model.ts';
import { extendedTypes, isSwapType, typeCode, typeNames } from './partition-types.ts';
import { NO_FORM, sentence } from './sentences.ts';
import { bytesOf, MIB, sizeOf } from './sizes.ts';
import {
  crossProblems,
  diskProblems,
  logicalBytes,
  nodeProblems,
  type StructureProblem,
} from './structure.ts';
import {
  SurfaceDescription,
  type SurfaceDisk,
  type SurfaceNode,
  type SurfacePartition,
} from './surface.ts';

type Path = (string | number)[];
type Report = (path: Path, reason: string) => void;

/** A model disk, and for each of its partitions the index in the file (null: made by us). */
interface Converted {
  disk: DiskSpec;
  origins: (number | null)[];
}

/** What is said of a place that was found wrong is looked up in the document; of more than these nobody reads. */
const MOST_PROBLEMS = 1000;

/** Reads a YAML (or JSON) description. Throws `DescError` with everything that is wrong. */
export const parseYaml = (text: string, { file }: { file: string }): Description => {
  const lines = new LineCounter();
  const document = guarded(file, () =>
    // Its own search for words that stand twice compares each with each.
    parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false }),
  );
  const problems: DescProblem[] = document.errors.map(({ message, pos }) => {
    const { line, col } = lines.linePos(pos[0]);
    return { file, line, column: col, reason: `not YAML: ${message.split('\n')[0]}` };
  });
  const tooDeep = problems.find(({ reason }) => reason.includes('call stack'));
  if (tooDeep) throw new DescError([{ ...tooDeep, reason: 'nested too deeply; is it YAML?' }]);
  problems.push(...wrongKeys(document, lines).map((problem) => ({ file, ...problem })));
  if (problems.length > 0) throw new DescError(problems);

  const report: Report = (path, reason) => {
    if (problems.length === MOST_PROBLEMS) return;
    problems.push({ file, ...placeOf(document, path, lines), path: pathText(path), reason });
  };
  const written: unknown = guarded(file, () => document.toJS() ?? {});
  const parsed = SurfaceDescription.safeParse(written, { error: sentence });
  if (!parsed.success) {
    for (const issue of parsed.error.issues) reportIssue(issue, [], document, report);
    throw new DescError(problems);
  }
  const description = toModel(parsed.data, report);
  if (problems.length > 0) throw new DescError(problems);
  return description;
};

/** The parser ends so on what is nested too deeply, and on references that multiply. */
const guarded = <T>(file: string, read: () => T): T => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof ReferenceError)) throw error;
    throw new DescError([{ file, reason: `not YAML ka reads: ${error.message}` }]);
  }
};

/** A word that stands twice in one mapping, of which YAML would silently take the last; and keys that are no words. */
const wrongKeys = (document: Document, lines: LineCounter): Omit<DescProblem, 'file'>[] => {
  const problems: Omit<DescProblem, 'file'>[] = [];
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<string>();
      for (const { key } of items) {
        const { line, col } = lines.linePos(rangeStart(key) ?? 0);
        if (!isScalar(key)) {
          const reason =
            'a list, a mapping or a reference stands where a word must be; write a word';
          problems.push({ line, column: col, reason });
          continue;
        }
        const word = String(key.value);
        const reason = `the word "${word}" stands here for the second time; keep one`;
        if (seen.has(word)) problems.push({ line, column: col, reason });
        seen.add(word);
      }
    },
  });
  return problems;
};

/** Line and column of the nearest node that exists on the way to `path`. */
const placeOf = (
  document: Document,
  path: Path,
  lines: LineCounter,
): { line: number; column: number } => {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node: unknown =
      depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    const start = rangeStart(node);
    if (start !== undefined) {
      const { line, col } = lines.linePos(start);
      return { line, column: col };
    }
  }
  return { line: 1, column: 1 };
};

const rangeStart = (node: unknown): number | undefined => {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  const { range } = node;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined;
};

const pathText = (path: Path): string =>
  path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${part}`,
    )
    .join('');

const reportIssue = (
  issue: z.core.$ZodIssue,
  base: Path,
  document: Document,
  report: Report,
): void => {
  const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? '?' : part))];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) report([...path, key], `unknown word "${key}"; remove it`);
    return;
  }
  if (issue.code === 'invalid_union') {
    // Of the forms allowed here, speak of the one that was meant: a mapping
    // when a mapping was written, otherwise the plain one, which comes first.
    const written: unknown = document.getIn(path);
    const meant = issue.errors.at(typeof written === 'object' ? -1 : 0) ?? [];
    if (meant.length > 0 && issue.message === NO_FORM) {
      for (const inner of meant) reportIssue(inner, path, document, report);
      return;
    }
  }
  const missing = document.hasIn(path) || path.length === 0 ? undefined : path.at(-1);
  report(path, missing === undefined ? issue.message : `missing; add ${missing}`);
};

const toModel = (surface: SurfaceDescription, report: Report): Description => {
  const converted = surface.disks.map((disk, index) =>
    toDisk(disk, (path, reason) => report(['disks', index, ...path], reason)),
  );
  const description: Description = {
    disks: converted.map(({ disk }) => disk),
    exclude: (surface.exclude ?? []).map((text, index) =>
      toDirectory(text, (reason) => report(['exclude', index], reason)),
    ),
    nodes: (surface.nodes ?? []).map(toNode),
  };
  const place = (disk: number, { partition, field }: StructureProblem): Path => {
    const origin = partition === null ? null : (converted[disk]?.origins[partition] ?? null);
    const at = origin === null ? [] : ['partitions', origin];
    return ['disks', disk, ...at, ...(field ? [field] : [])];
  };
  for (const [index, { disk }] of converted.entries()) {
    for (const problem of diskProblems(disk)) report(place(index, problem), problem.reason);
  }
  for (const problem of crossProblems(description)) {
    report(place(problem.disk, problem), problem.reason);
  }
  for (const { node, field, reason } of nodeProblems(description.nodes)) {
    report(['nodes', node, field], reason);
  }
  return description;
};

const toDirectory = (text: string, report: (reason: string) => void): string => {
  const path = withoutEndSlash(text);
  if (!isCleanPath(path)) report('not a plain absolute path like /var/cache; write it so');
  return path;
};

/** As everywhere else in ka: small letters, with colons. */
const canonicalMac = (mac: string): string => mac.toLowerCase().replaceAll('-', ':');

const toNode = (node: string | z.infer<typeof SurfaceNode>): Description['nodes'][number] => {
  if (typeof node === 'string') return { name: node };
  return {
    name: node.name,
    ...(node.mac === undefined ? {} : { mac: canonicalMac(node.mac) }),
    ...(node.address === undefined ? {} : { address: node.address }),
    ...(node.power === undefined ? {} : { power: node.power }),
  };
};

const toDisk = (surface: SurfaceDisk, report: Report): Converted => {
  const taken = new Set(surface.partitions.flatMap(({ number }) => number ?? []));
  const free = (from: number): number => {
    let number = from;
    while (taken.has(number)) number += 1;
    taken.add(number);
    return number;
  };
  const entries = surface.partitions.map((partition, index) => ({
    origin: index,
    partition: toPartition(surface.table, partition, free, (path, reason) =>
      report(['partitions', index, ...path], reason),
    ),
  }));
  const { match } = surface;
  return {
    disk: {
      name: surface.name,
      table: surface.table,
      ...(match === undefined ? {} : { match: toMatch(match, report) }),
      partitions: withExtended(
        entries.map(({ partition }) => partition),
        surface.table,
        free,
      ),
    },
    origins: withOrigins(entries, surface.table),
  };
};

const toMatch = (
  { serial, model, wwn, minSize, maxSize }: NonNullable<SurfaceDisk['match']>,
  report: Report,
): NonNullable<DiskSpec['match']> => {
  const minBytes = minSize === undefined ? undefined : bytesOf(minSize);
  const maxBytes = maxSize === undefined ? undefined : bytesOf(maxSize);
  if (minBytes !== undefined && maxBytes !== undefined && minBytes > maxBytes) {
    report(['match', 'maxSize'], 'maxSize is below minSize, so no disk fits; swap them');
  }
  return {
    ...(serial === undefined ? {} : { serial }),
    ...(model === undefined ? {} : { model }),
    ...(wwn === undefined ? {} : { wwn }),
    ...(minBytes === undefined ? {} : { minBytes }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
};

const needsExtended = (partitions: readonly PartitionSpec[], table: DiskSpec['table']): boolean =>
  table === 'msdos' &&
  partitions.some(({ role }) => role === 'logical') &&
  !partitions.some(({ role }) => role === 'extended');

/** Puts an extended partition before the first logical one where the file has none. */
const withExtended = (
  partitions: readonly PartitionSpec[],
  table: DiskSpec['table'],
  free: (from: number) => number,
): PartitionSpec[] => {
  if (!needsExtended(partitions, table)) return [...partitions];
  const logicals = partitions.filter(({ role }) => role === 'logical');
  const at = partitions.findIndex(({ role }) => role === 'logical');
  const exact = logicals.every(({ size }) => size.kind === 'bytes');
  const kept = logicals.some(({ content }) => content === 'keep');
  const extended: PartitionSpec = {
    number: free(1),
    role: 'extended',
    size: exact ? { kind: 'bytes', bytes: logicalBytes(logicals) } : { kind: 'fill' },
    type: '05',
    flags: [],
    content: kept ? 'keep' : 'empty',
  };
  return partitions.toSpliced(at, 0, extended);
};

const withOrigins = (
  entries: readonly { origin: number; partition: PartitionSpec }[],
  table: DiskSpec['table'],
): (number | null)[] => {
  const partitions = entries.map(({ partition }) => partition);
  const origins: (number | null)[] = entries.map(({ origin }) => origin);
  const at = partitions.findIndex(({ role }) => role === 'logical');
  // Trouble with the extended partition we add is trouble of the first logical one.
  return needsExtended(partitions, table) ? origins.toSpliced(at, 0, at) : origins;
};

const toPartition = (
  table: DiskSpec['table'],
  surface: SurfacePartition,
  free: (from: number) => number,
  report: Report,
): PartitionSpec => {
  const type = toType(table, surface, report);
  const isExtended = table === 'msdos' && extendedTypes.includes(type);
  const role = surface.logical ? 'logical' : isExtended ? 'extended' : 'primary';
  if (surface.logical && isExtended) {
    report(['logical'], 'an extended partition cannot be logical; remove logical');
  }
  const filesystem = toFilesystem(table, type, surface);
  const content = surface.content ?? (surface.mount === undefined ? 'empty' : 'files');
  return {
    number: surface.number ?? free(role === 'logical' ? 5 : 1),
    role,
    size: toSize(surface, content, report),
    type,
    ...(surface.name === undefined ? {} : { name: surface.name }),
    flags: (surface.flags ?? []).map((flag) => toFlag(table, String(flag))),
    ...(filesystem === undefined ? {} : { filesystem }),
    ...(surface.mount === undefined ? {} : { mount: surface.mount }),
    ...(surface.mountOptions === undefined ? {} : { mountOptions: surface.mountOptions }),
    content,
  };
};

const toType = (
  table: DiskSpec['table'],
  { type, filesystem, mount }: SurfacePartition,
  report: Report,
): string => {
  const made = typeof filesystem === 'string' ? filesystem : filesystem?.type;
  const fat = mount !== undefined && ESP_MOUNTS.includes(mount) ? 'esp' : 'fat32';
  const usual = made === 'swap' ? 'swap' : made === 'vfat' ? fat : 'linux';
  const code = typeCode(table, type ?? usual);
  if (code === undefined) {
    const other = table === 'gpt' ? 'a GUID' : 'two hex digits';
    const reason = `a ${table} table has no partition type "${type}"; use ${other} or one of ${typeNames(table).join(', ')}`;
    report(['type'], reason);
  }
  return code ?? '';
};

const toFilesystem = (
  table: DiskSpec['table'],
  type: string,
  { filesystem, content }: SurfacePartition,
): FilesystemSpec | undefined => {
  if (filesystem === undefined) {
    const swap = isSwapType(table, type) && (content === undefined || content === 'empty');
    return swap ? { type: 'swap', options: [] } : undefined;
  }
  if (typeof filesystem === 'string') return { type: filesystem, options: [] };
  return {
    type: filesystem.type,
    options: filesystem.options ?? [],
    ...(filesystem.label === undefined ? {} : { label: filesystem.label }),
  };
};

const toSize = (
  { size }: SurfacePartition,
  content: PartitionSpec['content'],
  report: Report,
): Size => {
  if (size === undefined) {
    if (content !== 'keep') report(['size'], 'missing; add size');
    return { kind: 'fill' };
  }
  const read = sizeOf(size);
  const amount = read.kind === 'bytes' ? read.bytes : read.kind === 'percent' ? read.percent : 1;
  if (amount === 0) report(['size'], 'a partition of size zero; give it a size');
  if (amount > Number.MAX_SAFE_INTEGER) report(['size'], 'larger than any disk; give it less');
  if (read.kind === 'percent' && read.percent > 100) {
    report(['size'], `${size} is more than all there is; give it less`);
  }
  return read.kind === 'bytes' ? { kind: 'bytes', bytes: wholeSectors(read.bytes) } : read;
};

/** Decimal units seldom end on a sector; sizes over 1 MiB go up to the next 4096 bytes. */
const wholeSectors = (bytes: number): number =>
  bytes < MIB || bytes % 512 === 0 ? bytes : Math.ceil(bytes / 4096) * 4096;

const gptFlagNames: Record<string, string> = {
  boot: 'LegacyBIOSBootable',
  'legacy-boot': 'LegacyBIOSBootable',
  required: 'RequiredPartition',
  'no-block-io': 'NoBlockIOProtocol',
};

const toFlag = (table: DiskSpec['table'], flag: string): string =>
  table === 'gpt' ? (gptFlagNames[flag] ?? flag) : flag;
