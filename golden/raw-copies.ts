/** What to say of partitions that are copied byte by byte while the golden uses them. */
import type { GoldenDisk } from '../desc/golden-disk.ts';
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

const warning = (device: string, use: string): string =>
  `${device} is copied byte by byte while it is ${use}; it may be damaged on the nodes: free it before the start, or make it read-only`;

/** What is written to while it is read may be damaged on the nodes. */
export const rawWarnings = (
  streams: readonly PlannedStream[],
  mounts: readonly GoldenMount[],
  disks: readonly GoldenDisk[],
): string[] => [
  ...copied(streams, mounts).flatMap(({ mount, device = '', isReadOnly }) =>
    isReadOnly ? [] : [warning(device, `mounted on ${mount}`)],
  ),
  ...streams.flatMap(({ plan, ref }) => {
    const start = `${ref?.device} is `;
    const uses = disks.flatMap(({ inUse }) => inUse).filter((use) => use.startsWith(start));
    const held = uses.find((use) => !use.startsWith(`${start}mounted on `));
    return plan.kind === 'raw' && ref && held
      ? [warning(ref.device, held.slice(start.length))]
      : [];
  }),
];
