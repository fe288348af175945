/** The streams of a session: what is read on the golden, and which partition it goes to. */
import { ESP_MOUNTS } from '../desc/boot-partitions.ts';
import { isAtOrIn } from '../desc/clean-path.ts';
import type { StreamPlan } from '../desc/clone-plan.ts';
import {
  type GoldenDisk,
  type GoldenRef,
  type GoldenRefs,
  goldenKey,
} from '../desc/golden-disk.ts';
import type { Description, DiskSpec, PartitionSpec } from '../desc/model.ts';
import { partitionDevice } from '../desc/partition-device.ts';
import { NamedError } from '../system/named-error.ts';
import { wholeRootProblem } from './describe-golden.ts';
import type { GoldenMount } from './golden-mounts.ts';
import type { GoldenRoot } from './golden-root.ts';

export interface PlannedStream {
  plan: StreamPlan;
  /** The golden's partition, if it is one. */
  ref: GoldenRef | undefined;
}

/**
 * Directories that tar and rsync would take for another file system, though they
 * go to the same partition: subvolumes without a partition of their own. Each
 * with the partition it is filled into.
 */
const subvolumesOf = (
  description: Description,
  mounts: readonly GoldenMount[],
  exclude: readonly string[],
): { mount: string; disk: DiskSpec; partition: PartitionSpec }[] => {
  const places = description.disks.flatMap((disk) =>
    disk.partitions.flatMap((partition) =>
      partition.mount === undefined ? [] : [{ mount: partition.mount, disk, partition }],
    ),
  );
  return mounts
    .filter(
      ({ mount, role }) =>
        role === 'subvolume' &&
        !places.some((place) => place.mount === mount) &&
        !exclude.some((directory) => isAtOrIn(mount, directory)),
    )
    .flatMap(({ mount, device }) => {
      // Where nothing of its file system is cloned as files, it is not, either.
      const isCloned = places.some(
        (place) =>
          place.partition.content === 'files' &&
          mounts.some((other) => other.device === device && other.mount === place.mount),
      );
      const [holder] = places
        .filter((place) => isAtOrIn(mount, place.mount))
        .toSorted((a, b) => b.mount.length - a.mount.length);
      return isCloned && holder?.partition.content === 'files' ? [{ ...holder, mount }] : [];
    });
};

/** Streams in the order of the tables: file systems first, then raw partitions, as the original. */
export const plannedStreams = (
  description: Description,
  golden: GoldenRoot,
  refs: GoldenRefs,
  exclude: readonly string[],
): PlannedStream[] => {
  const all = description.disks.flatMap((disk) =>
    disk.partitions.map((partition) => ({ disk, partition, mount: partition.mount })),
  );
  const files = [
    ...all.filter(({ partition }) => partition.content === 'files'),
    ...subvolumesOf(description, golden.mounts, exclude),
  ].sort((a, b) => (a.mount ?? '').localeCompare(b.mount ?? ''));
  const raw = all.filter(({ partition }) => partition.content === 'raw');
  return [...files, ...raw].map(({ disk, partition, mount }) => {
    const ref = refs.get(goldenKey(disk.name, partition.number));
    return { ref, plan: streamPlan(disk, partition, mount, golden, ref?.sizeBytes) };
  });
};

const streamPlan = (
  disk: DiskSpec,
  { number, content }: PartitionSpec,
  mount: string | undefined,
  golden: GoldenRoot,
  sizeBytes: number | undefined,
): StreamPlan => {
  const place = { disk: disk.name, partition: number };
  if (content === 'raw') {
    const expected = sizeBytes === undefined ? {} : { expectedBytes: sizeBytes };
    return {
      name: `raw ${partitionDevice(disk.name, number)}`,
      kind: 'raw',
      ...place,
      ...expected,
    };
  }
  const used = mount === undefined ? undefined : golden.usedBytes.get(mount);
  return {
    name: mount ?? partitionDevice(disk.name, number),
    kind: 'files',
    ...place,
    ...(mount === undefined ? {} : { mount }),
    ...(used === undefined ? {} : { expectedBytes: used }),
  };
};

/** Whether something is left to be as on the golden, as in classic. */
export const leavesOpen = ({ disks }: Description): boolean =>
  disks.some(({ partitions }) =>
    partitions.some(
      ({ content, mount, filesystem }) => content === 'files' && !mount && !filesystem,
    ),
  );

/** Who describes the disk with these means the system, wherever its `/` is (on a volume, an array). */
const STARTED_FROM: readonly string[] = ['/boot', '/usr', ...ESP_MOUNTS];

/**
 * Throws `NoRoot` (`NoDescription` for a `/` that is on no partition) when
 * nothing brings the golden's `/`, unless that was asked for: by a description
 * that says all mount points itself, and not this one.
 */
export const requireRoot = (
  streams: readonly PlannedStream[],
  loaded: Description,
  {
    disks,
    golden,
    isGiven,
  }: { disks: readonly GoldenDisk[]; golden: GoldenRoot; isGiven: boolean },
): void => {
  const root = golden.mounts.find(({ mount }) => mount === '/');
  const hasRoot = streams.some(
    ({ plan: { kind, mount }, ref }) =>
      (kind === 'files' && mount === '/') || (kind === 'raw' && ref?.device === root?.device),
  );
  // What is to be as on the golden is to have its system, too.
  const isMeant =
    leavesOpen(loaded) &&
    disks.some(({ device, use }) =>
      root?.disk === undefined
        ? Object.values(use).some(({ mount = '' }) => STARTED_FROM.includes(mount))
        : device === root.disk,
    );
  if (hasRoot || (isGiven && !isMeant)) return;
  const problem = wholeRootProblem(golden);
  if (problem) throw problem;
  throw new NamedError(
    'NoRoot',
    `no partition gets / of the golden${root?.device === undefined ? '' : ` (${root.device})`}, so no node would start; ${isGiven ? 'correct the description' : 'give a description with -p DRIVE FILE'}`,
  );
};
