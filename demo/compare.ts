/**
 * Compares two directory trees by tools the copying code does not use: find(1),
 * stat(1), sha256sum(1), getfattr(1). Names are bytes, carried as Latin-1 text.
 */
import { execa } from 'execa';
import { NamedError } from '../system/named-error.ts';
import { tail } from '../system/run.ts';

/** One file as the tools tell it. Values that differ on every copy (inode, size of a directory) are left out. */
export interface TreeEntry {
  kind: string;
  mode: string;
  owner: string;
  /** Seconds since 1970 with nine decimals. */
  modified: string;
  /** Regular files only, in bytes. */
  size: string;
  target: string;
  /** Regular files only. */
  sha256: string;
  /** First path of its hard-link group; its own path when it has one name only. */
  linkedWith: string;
  /** "name=0xhex" of each, ACLs and capabilities included. */
  attributes: string;
  /** Devices only: "major:minor" in hex. */
  device: string;
  /** Bytes it takes on the disk. Regular files only. */
  storedBytes: number;
}

/** Path below the root of the tree, Latin-1; the root itself is "". */
export type Tree = ReadonlyMap<string, TreeEntry>;

const capture = async (
  root: string,
  command: string,
  args: readonly string[],
  input?: readonly string[],
): Promise<string> => {
  const result = await execa(command, args, {
    cwd: root,
    encoding: 'buffer',
    reject: false,
    maxBuffer: 1024 * 1024 * 1024,
    env: { LC_ALL: 'C' },
    stripFinalNewline: false,
    ...(input
      ? { input: Buffer.from(input.map((name) => `${name}\0`).join(''), 'latin1') }
      : { stdin: 'ignore' as const }),
  });
  if (result.exitCode !== 0) {
    const output = tail(Buffer.from(result.stderr).toString('latin1'));
    throw new NamedError('CompareFailed', `${command} in ${root} failed: ${output}`, { output });
  }
  return Buffer.from(result.stdout).toString('latin1');
};

const FIND_FIELDS = ['%P', '%y', '%m', '%U:%G', '%T@', '%s', '%l', '%n', '%D:%i', '%b'];

interface Found extends TreeEntry {
  links: number;
  inode: string;
}

const listFiles = async (root: string): Promise<Map<string, Found>> => {
  const text = await capture(root, 'find', [
    '.',
    '-printf',
    FIND_FIELDS.map((f) => `${f}\\0`).join(''),
  ]);
  const fields = text.split('\0');
  const found = new Map<string, Found>();
  for (let at = 0; at + FIND_FIELDS.length < fields.length; at += FIND_FIELDS.length) {
    const [
      path = '',
      kind = '',
      mode = '',
      owner = '',
      modified = '',
      size = '',
      target = '',
      links,
      inode = '',
      blocks,
    ] = fields.slice(at, at + FIND_FIELDS.length);
    const regular = kind === 'f';
    found.set(path, {
      kind,
      mode,
      owner,
      modified,
      size: regular ? size : '',
      target,
      sha256: '',
      linkedWith: path,
      attributes: '',
      device: '',
      storedBytes: regular ? Number(blocks) * 512 : 0,
      links: kind === 'd' ? 1 : Number(links),
      inode,
    });
  }
  return found;
};

const addLinks = (found: Map<string, Found>): void => {
  const first = new Map<string, string>();
  for (const path of [...found.keys()].sort()) {
    const entry = found.get(path);
    if (!entry || entry.links < 2) continue;
    const known = first.get(entry.inode);
    if (known === undefined) first.set(entry.inode, path);
    else entry.linkedWith = known;
  }
};

const pathsOf = (found: Map<string, Found>, kinds: string): string[] =>
  [...found].filter(([, entry]) => kinds.includes(entry.kind)).map(([path]) => `./${path}`);

const addHashes = async (root: string, found: Map<string, Found>): Promise<void> => {
  const files = pathsOf(found, 'f');
  if (files.length === 0) return;
  const text = await capture(
    root,
    'xargs',
    ['--null', 'sha256sum', '--zero', '--binary', '--'],
    files,
  );
  for (const line of text.split('\0').filter(Boolean)) {
    // "<64 hex digits> *./path"
    const entry = found.get(line.slice(68));
    if (entry) entry.sha256 = line.slice(0, 64);
  }
};

const addDevices = async (root: string, found: Map<string, Found>): Promise<void> => {
  const devices = pathsOf(found, 'bc');
  if (devices.length === 0) return;
  const text = await capture(
    root,
    'xargs',
    ['--null', 'stat', '--printf=%t:%T %n\\0', '--'],
    devices,
  );
  for (const line of text.split('\0').filter(Boolean)) {
    const space = line.indexOf(' ');
    const entry = found.get(line.slice(space + 3));
    if (entry) entry.device = line.slice(0, space);
  }
};

/** getfattr writes odd bytes of names as \ooo. */
const unescapeName = (name: string): string =>
  name.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );

const addAttributes = async (root: string, found: Map<string, Found>): Promise<void> => {
  const args = [
    '--recursive',
    '--physical',
    '--no-dereference',
    '--dump',
    '--match=-',
    '--encoding=hex',
    '.',
  ];
  const text = await capture(root, 'getfattr', args);
  for (const block of text.split('\n\n').filter(Boolean)) {
    const [head = '', ...lines] = block.split('\n').filter(Boolean);
    const name = unescapeName(head.replace(/^# file: /, ''));
    const entry = found.get(name === '.' ? '' : name.replace(/^\.\//, ''));
    if (!entry)
      throw new NamedError('CompareFailed', `getfattr in ${root} names an unknown file: ${head}`);
    entry.attributes = lines.sort().join(' ');
  }
};

/** Reads everything about a tree that a copy must keep. */
export const readTree = async (root: string): Promise<Tree> => {
  const found = await listFiles(root);
  addLinks(found);
  await Promise.all([addHashes(root, found), addDevices(root, found), addAttributes(root, found)]);
  return found;
};

/** A copy may use this much more than a sparse original, for file systems that store holes differently. */
const SPARSE_SLACK_BYTES = 1024 * 1024;

const compareEntry = (golden: TreeEntry, copy: TreeEntry): string[] => {
  const what = [
    'kind',
    'mode',
    'owner',
    'modified',
    'size',
    'target',
    'sha256',
    'linkedWith',
    'attributes',
    'device',
  ] as const;
  const differing: string[] = what.filter((field) => golden[field] !== copy[field]);
  const isSparse = golden.storedBytes + SPARSE_SLACK_BYTES < Number(golden.size);
  if (isSparse && copy.storedBytes > golden.storedBytes + SPARSE_SLACK_BYTES)
    differing.push('holes');
  return differing.map((field) => {
    if (field === 'holes')
      return `holes filled (${copy.storedBytes} bytes stored, not ${golden.storedBytes})`;
    const key = field as (typeof what)[number];
    return `${key} ${JSON.stringify(copy[key])}, not ${JSON.stringify(golden[key])}`;
  });
};

export interface Comparison {
  /** Files, directories and everything else looked at. */
  entries: number;
  /** Bytes of the regular files compared. */
  bytes: number;
  /** One line for each path that differs and should not: the path, then what. */
  differences: string[];
  /** Paths that differ and may. */
  expected: string[];
}

/** Compares a copy with the golden; `mayDiffer` tells which paths a clone has of its own, by what differs there. */
export const compareTrees = (
  golden: Tree,
  copy: Tree,
  mayDiffer: (path: string, differing: readonly string[]) => boolean,
): Comparison => {
  const result: Comparison = { entries: 0, bytes: 0, differences: [], expected: [] };
  const report = (path: string, differing: readonly string[]) => {
    if (mayDiffer(path, differing)) result.expected.push(path);
    else result.differences.push(`${JSON.stringify(path)}: ${differing.join('; ')}`);
  };
  for (const [path, entry] of golden) {
    result.entries += 1;
    result.bytes += Number(entry.size);
    const other = copy.get(path);
    if (!other) report(path, ['missing']);
    else {
      const differing = compareEntry(entry, other);
      if (differing.length > 0) report(path, differing);
    }
  }
  for (const path of copy.keys()) if (!golden.has(path)) report(path, ['is not on the golden']);
  return result;
};
