/** Says of each clone whether it equals the golden, apart from what is its own. */
import { createHash } from 'node:crypto';
import { compareTrees, readTree, type Tree, type TreeEntry } from './compare.ts';
import { isMadeByMkfs, isOwnPath, mustDiffer } from './own-paths.ts';
import type { Say } from './progress.ts';

const LINES_SHOWN = 20;

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** machine-id(5): such an id is made at the first boot, by each clone for itself. */
const notYetMade = new Set(['', '\n', 'uninitialized', 'uninitialized\n'].map(sha256));

const isNotYetMade = (path: string, { sha256: digest }: TreeEntry): boolean =>
  path === 'etc/machine-id' && notYetMade.has(digest);

/** Paths whose contents should be a machine's own but are the same as on the golden. */
export const sharedIdentity = (golden: Tree, clone: Tree): string[] =>
  [...golden]
    .filter(
      ([path, entry]) =>
        mustDiffer.test(path) &&
        clone.get(path)?.sha256 === entry.sha256 &&
        !isNotYetMade(path, entry),
    )
    .map(([path]) => `${JSON.stringify(path)}: the same as on the golden`);

export interface Verified {
  name: string;
  differences: string[];
}

export interface CloneToVerify {
  name: string;
  root: string;
  /** A clone of a system has an identity and boot files of its own; a copy of data has not. */
  ownIdentity: boolean;
  /** Differences found elsewhere: partitions that were copied byte by byte. */
  others?: readonly string[];
}

/** Compares one clone with the golden and says the result. */
export const verifyClone = async (
  say: Say,
  golden: Tree,
  clone: CloneToVerify,
): Promise<Verified> => {
  const tree = await readTree(clone.root);
  const result = compareTrees(golden, tree, clone.ownIdentity ? isOwnPath : isMadeByMkfs);
  const differences = [
    ...result.differences,
    ...(clone.ownIdentity ? sharedIdentity(golden, tree) : []),
    ...(clone.others ?? []),
  ];
  const own =
    result.expected.length > 0
      ? `, ${result.expected.length} paths its own (identity, fstab, boot)`
      : '';
  const looked = `${result.entries} entries, ${mebibytes(result.bytes)} compared${own}`;
  if (differences.length === 0) say(`${clone.name}: identical to the golden: ${looked}`);
  else {
    say(`${clone.name}: DIFFERS from the golden in ${differences.length} places: ${looked}`);
    for (const line of differences.slice(0, LINES_SHOWN)) say(`  ${line}`);
    if (differences.length > LINES_SHOWN) say(`  and ${differences.length - LINES_SHOWN} more`);
  }
  return { name: clone.name, differences };
};
