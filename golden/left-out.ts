/** Everything of the golden that no stream takes, in words: nothing is left out silently. */
import { isAtOrIn } from '../desc/clean-path.ts';
import type { StreamPlan } from '../desc/clone-plan.ts';
import { type GoldenRefs, goldenKey } from '../desc/golden-disk.ts';
import type { GoldenMount } from './golden-mounts.ts';
import { isSkippedMount, type Skip } from './skip-devices.ts';

export interface Streamed {
  streams: readonly { plan: StreamPlan }[];
  /** The partitions of the golden that are copied byte by byte are among them. */
  refs: GoldenRefs;
  /** Directories whose contents stay out. */
  exclude: readonly string[];
}

/** So many of one kind are named; a machine can have hundreds of snapshots or containers. */
const MOST_NAMED = 10;

const device = ({ source, type }: GoldenMount): string => `${source}, ${type}`;

/** Why a mount is in no stream; its own file system not being described is worth a warning. */
const reasonOf = (mount: GoldenMount, skip: Skip): string => {
  const { role, of, root, source, type } = mount;
  if (isSkippedMount(skip, mount)) return `left out by -X (${device(mount)})`;
  switch (role) {
    case 'again':
      return `the same file system as ${of}, not copied a second time`;
    case 'piece':
      return of === undefined
        ? `the directory ${root} of ${source}`
        : `the directory ${root} of the file system on ${of}, not copied a second time`;
    case 'image':
      return `a file system in the image file ${source}`;
    case 'snapshot':
      return 'a btrfs snapshot';
    case 'subvolume':
      return `a btrfs subvolume of ${of}`;
    case 'foreign':
      return `${type} (${source})`;
    case 'own':
      return `not in the description (${device(mount)})`;
  }
};

export interface LeftOut {
  /** One line each. */
  lines: string[];
  /** What an admin may have forgotten. */
  warnings: string[];
}

/** Mounts of the golden that are in no stream. What lies in an excluded directory is told with that. */
export const leftOut = (
  mounts: readonly GoldenMount[],
  { streams, refs, exclude }: Streamed,
  skip: Skip,
): LeftOut => {
  const read = new Set(
    streams.flatMap(({ plan: { kind, mount } }) => (kind === 'files' ? (mount ?? []) : [])),
  );
  const copied = new Set(
    streams.flatMap(({ plan: { kind, disk, partition } }) =>
      kind === 'raw' ? (refs.get(goldenKey(disk, partition))?.device ?? []) : [],
    ),
  );
  const left = mounts.filter(
    ({ mount, device: from }) =>
      !read.has(mount) &&
      !(from !== undefined && copied.has(from)) &&
      !exclude.some((directory) => isAtOrIn(mount, directory)),
  );
  const isForgotten = (mount: GoldenMount): boolean =>
    mount.role === 'own' && !isSkippedMount(skip, mount);
  const lines: string[] = [];
  const kinds = Map.groupBy(
    left.filter((mount) => !isForgotten(mount)),
    ({ role }) => role,
  );
  for (const kind of kinds.values()) {
    const named = kind
      .slice(0, MOST_NAMED)
      .map((mount) => `${mount.mount}: ${reasonOf(mount, skip)}`);
    const more = kind.length - named.length;
    lines.push(...named, ...(more > 0 ? [`and ${more} more such as ${kind.at(-1)?.mount}`] : []));
  }
  return {
    lines,
    warnings: left
      .filter(isForgotten)
      .map((mount) => `${mount.mount} of the golden is not copied: ${reasonOf(mount, skip)}`),
  };
};
