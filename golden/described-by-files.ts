/** What `-p` asks for, beside those of the golden's disks that it is filled from. */
import type { GoldenDisk } from '../desc/golden-disk.ts';
import type { Description, DiskSpec, PartitionSpec } from '../desc/model.ts';
import { wholeRootProblem } from './describe-golden.ts';
import { type GoldenRoot, ownMounts, readGoldenDisks } from './golden-root.ts';
import { type Given, loadDescriptions } from './load-descriptions.ts';
import { leavesOpen } from './planned-streams.ts';
import { type Skip, withoutSkipped } from './skip-devices.ts';

/**
 * The disks of the golden that are needed, under the names the description has
 * for them. Where one disk is described, and none of the golden's is called so,
 * it is the one the system is on.
 */
const goldenDisksFor = async (
  golden: GoldenRoot,
  described: readonly DiskSpec[],
): Promise<GoldenDisk[]> => {
  const own = ownMounts(golden);
  const nameOf = (device: string): string => device.replace(/^\/dev\//, '');
  const disks = own.flatMap(({ disk }) => disk ?? []);
  const [wanted, another] = described;
  const isThere = disks.some((device) => described.some(({ name }) => name === nameOf(device)));
  const system =
    wanted && !another && !isThere ? own.find(({ mount }) => mount === '/')?.disk : undefined;
  const mounts = new Set(
    described.flatMap(({ partitions }) => partitions.flatMap(({ mount }) => mount ?? [])),
  );
  const needed = own.flatMap(({ mount, disk = '' }) => {
    const isNamed = described.some(({ name }) => name === nameOf(disk));
    return disk !== '' && (isNamed || disk === system || mounts.has(mount)) ? [disk] : [];
  });
  return (await readGoldenDisks(golden, needed)).map((disk) =>
    wanted && disk.device === system ? { ...disk, name: wanted.name } : disk,
  );
};

export interface Described {
  description: Description;
  disks: GoldenDisk[];
}

/** Without what `-X` leaves out. Reads no other disks of the golden. Errors: those of `loadDescriptions` and `readGoldenDisks`. */
export const describedByFiles = async (
  descriptions: Given,
  golden: GoldenRoot,
  skip: Skip,
): Promise<Described> => {
  const loaded = await loadDescriptions(descriptions);
  const disks = await goldenDisksFor(golden, loaded.disks);
  const problem = disks.length === 0 && leavesOpen(loaded) ? wholeRootProblem(golden) : undefined;
  if (problem) throw problem;
  const goldenDevice = (spec: DiskSpec, { number, mount }: PartitionSpec): string | undefined =>
    mount === undefined
      ? disks
          .find(({ name }) => name === spec.name)
          ?.partitions.find((partition) => partition.number === number)?.device
      : golden.mounts.find((each) => each.mount === mount)?.device;
  return { description: withoutSkipped(loaded, skip, goldenDevice), disks };
};
