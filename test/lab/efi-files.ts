/** Compares what is on a clone's EFI system partition with the golden's. Read by mtools: kernels may lack vfat. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readTree, type Tree } from '../../demo/compare.ts';
import { run } from '../../system/run.ts';

/** Where a golden of the lab keeps these files: in the directory itself. */
export const ESP = 'boot/efi';

/** https://uefi.org/specs/UEFI/2.10/05_GUID_Partition_Table_Format.html, table 5.7 */
const ESP_TYPE = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
const SECTOR_BYTES = 512;

/** Names the root file system, which each clone has of its own. */
const OWN_CONFIG = 'efi/debian/grub.cfg';

/** Whatever starts the rest there: grub's installer has a word in that. */
const FALLBACK = 'efi/boot/bootx64.efi';

/** Hashes of regular files by path, in lower case as vfat compares names. */
const hashes = (tree: Tree, below: string): Map<string, string> =>
  new Map(
    [...tree]
      .filter(([path, { kind }]) => kind === 'f' && path.startsWith(below))
      .map(([path, { sha256 }]) => [path.slice(below.length).toLowerCase(), sha256]),
  );

/** Where the partition begins in a disk image, in bytes; undefined when there is none. */
const findEsp = async (image: string): Promise<number | undefined> => {
  const columns = ['--raw', '--noheadings', '--output', 'START,TYPE'];
  const { stdout } = await run('partx', [...columns, image]);
  const row = stdout.split('\n').find((line) => line.toUpperCase().endsWith(ESP_TYPE));
  return row === undefined ? undefined : Number.parseInt(row, 10) * SECTOR_BYTES;
};

/** A line for each file of the golden's that is missing or another on the disk image of a clone. */
export const compareEfiFiles = async (
  golden: Tree,
  image: string,
  workDirectory: string,
): Promise<string[]> => {
  const offset = await findEsp(image);
  if (offset === undefined) return ['no EFI system partition'];
  const copy = await mkdtemp(join(workDirectory, 'esp-'));
  try {
    await run('mcopy', ['-s', '-n', '-i', `${image}@@${offset}`, '::/', copy]);
    const found = hashes(await readTree(copy), '');
    return [...hashes(golden, `${ESP}/`)].flatMap(([name, hash]) => {
      const same = found.get(name) === hash;
      if (!found.has(name)) return [`${ESP}/${name}: missing`];
      if (name === OWN_CONFIG) return same ? [`${ESP}/${name}: the same as on the golden`] : [];
      return same || name === FALLBACK ? [] : [`${ESP}/${name}: not as on the golden`];
    });
  } finally {
    await rm(copy, { recursive: true });
  }
};
