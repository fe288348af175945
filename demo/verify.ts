/** Says of each clone whether it equals the golden, apart from what is its own. */
import { compareTrees, readTree, type Tree } from './compare.ts';
import { isOwnPath, mustDiffer } from './own-paths.ts';
import type { Say } from './progress.ts';

const LINES_SHOWN = 20;

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;

/** Paths whose contents should be a machine's own but are the same as on the golden. */
export const sharedIdentity = (golden: Tree, clone: Tree): string[] =>
  [...golden]
    .filter(([path, entry]) => mustDiffer.test(path) && clone.get(path)?.sha256 === entry.sha256)
    .map(([path]) => `${JSON.stringify(path)}: the same as on the golden`);

export interface Verified {
  name: string;
  differences: string[];
}

/**
 * Compares one clone with the golden and says the result. A clone on a disk has
 * an identity and boot files of its own; a copy in a directory has not.
 */
export const verifyClone = async (
  say: Say,
  golden: Tree,
  clone: { name: string; root: string; ownIdentity: boolean },
): Promise<Verified> => {
  const tree = await readTree(clone.root);
  const result = compareTrees(golden, tree, clone.ownIdentity ? isOwnPath : () => false);
  const differences = [
    ...result.differences,
    ...(clone.ownIdentity ? sharedIdentity(golden, tree) : []),
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
