/** What a golden's clones boot with, chosen as an admin would: its own loader, where that can be installed again. */
import type { Description } from '../desc/model.ts';
import { type BootWay, bootableBy, describeBootableBy } from '../golden/firmware.ts';
import { readGoldenRoot } from '../golden/golden-root.ts';
import { existsInside } from '../stage2/inside.ts';

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  grub: ['grub-install', 'grub2-install'],
  extlinux: ['extlinux'],
  lilo: ['lilo'],
};

const PLACES = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];

const hasProgram = async (root: string, names: readonly string[]): Promise<boolean> => {
  const paths = names.flatMap((name) => PLACES.map((place) => `${place}/${name}`));
  return (await Promise.all(paths.map((path) => existsInside(root, path)))).includes(true);
};

export interface BootFlags {
  flags: readonly string[];
  /** Why the clones get no loader although the golden has one. */
  why?: string;
}

/** Flags of `ka golden` for the system in `root`; none when its own choice will do. */
export const bootFlags = async (root: string, { disks }: Description): Promise<BootFlags> => {
  const { bootloader: kind, grubFor } = await readGoldenRoot(root);
  if (kind === 'none') return { flags: [] };
  const without = (why: string): BootFlags => ({
    flags: ['-r', 'none'],
    why: `clones get no boot loader: ${why}`,
  });
  const programs = PROGRAMS[kind] ?? [];
  if (!(await hasProgram(root, programs))) return without(`the golden has no ${programs[0]}`);
  const bootDisk = disks.find(({ partitions }) => partitions.some(({ mount }) => mount === '/'));
  if (!bootDisk) return without('no disk of the description has a /');
  const way: BootWay = { kind, grubFor, disks, bootDisk };
  if (bootableBy(way).length > 0) return { flags: [] };
  return without(`they would boot by ${describeBootableBy(way)}`);
};
