/** What to say of partitions that are copied byte by byte while the golden uses them. */
import { NamedError } from '../system/named-error.ts';
import type { GoldenMount } from './golden-mounts.ts';
import type { PlannedStream } from './planned-streams.ts';

/** What is worked on in the clone after the streams; see stage2's step `mount copies`. */
const NEEDED = ['/', '/boot', '/usr', '/var'];

const copied = (streams: readonly PlannedStream[], mounts: readonly GoldenMount[]): GoldenMount[] =>
  mounts.filter(
    ({ role, device }) =>
      role === 'own' &&
      streams.some(({ plan, ref }) => plan.kind === 'raw' && ref?.device === device),
  );

/** A system in a subvolume can be copied as files only: what finishes a node mounts whole file systems. */
export const rawProblem = (
  streams: readonly PlannedStream[],
  mounts: readonly GoldenMount[],
): NamedError | undefined => {
  const found = copied(streams, mounts).find(
    ({ type, root, mount }) => type === 'btrfs' && root !== '/' && NEEDED.includes(mount),
  );
  return (
    found &&
    new NamedError(
      'RawSubvolume',
      `${found.mount} of the golden is the btrfs subvolume ${found.root} of ${found.device}, which ka cannot copy byte by byte; copy its files (leave out -D)`,
    )
  );
};

/** A file system that is written to while it is read may be damaged on the nodes. */
export const rawWarnings = (
  streams: readonly PlannedStream[],
  mounts: readonly GoldenMount[],
): string[] =>
  copied(streams, mounts).flatMap(({ mount, device, isReadOnly }) =>
    isReadOnly
      ? []
      : [
          `${device} is copied byte by byte while it is mounted on ${mount}; it may be damaged on the nodes: unmount it, or mount it read-only, before the start`,
        ],
  );
