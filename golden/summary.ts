/** The plan in words, as shown before anything happens. */
import type { ClonePlan, StreamPlan } from '../desc/clone-plan.ts';
import type { GoldenDisk } from '../desc/golden-disk.ts';
import type { Description, DiskSpec, PartitionSpec } from '../desc/model.ts';
import { partitionDevice } from '../desc/partition-device.ts';
import type { Network } from '../protocol/network.ts';
import { printable } from '../system/printable.ts';
import { type BootWay, describeBootableBy } from './firmware.ts';
import type { GoldenRoot } from './golden-root.ts';

export interface SummaryFacts {
  network: Network;
  golden: GoldenRoot;
  description: Description;
  /** The golden's, under the names the description has for them. */
  disks: readonly GoldenDisk[];
  streams: readonly { plan: StreamPlan }[];
  exclude: readonly string[];
  /** Directories left out because their contents belong to the running system. */
  atRuntime: readonly string[];
  /** Mounts of the golden that are in no stream. */
  notCopied: readonly string[];
  bootloader: Omit<ClonePlan['bootloader'], 'firmware'>;
  /** Undefined when no root file system is described. */
  bootWay: BootWay | undefined;
  warnings: readonly string[];
}

const MIB = 1024 * 1024;

const sizeOf = ({ size }: PartitionSpec): string => {
  if (size.kind === 'bytes') return `${Math.round(size.bytes / MIB)} MiB`;
  return size.kind === 'fill' ? 'rest of the disk' : `${size.percent} % of the disk`;
};

const contentOf = ({ content, role, mount, filesystem }: PartitionSpec): string => {
  if (role === 'extended') return 'holds the logical partitions';
  if (content === 'files') return `files of ${mount ?? '?'}`;
  if (content === 'raw') return 'copied byte by byte';
  if (content === 'keep') return 'left as it is';
  return filesystem ? 'made empty' : 'not touched after partitioning';
};

const partitionLine = (disk: DiskSpec, partition: PartitionSpec): string => {
  const { number, type, filesystem } = partition;
  return [
    `    ${partitionDevice(disk.name, number)}`.padEnd(16),
    sizeOf(partition).padEnd(18),
    (filesystem?.type ?? `type ${type}`).padEnd(10),
    contentOf(partition),
  ].join(' ');
};

/** Which of the golden's disks it is filled from, where that one has another name. */
const goldenName = ({ name }: DiskSpec, disks: readonly GoldenDisk[]): string => {
  const device = disks.find((disk) => disk.name === name)?.device;
  return device === undefined || device === `/dev/${name}` ? '' : `, from the golden's ${device}`;
};

const describeNetwork: Record<Network, string> = {
  open: 'open; what is sent is encrypted, and vouched for by the golden',
  trusted: 'trusted; what is sent can be read and changed by whoever is on it',
};

const list = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [title, ...lines];

const words = (title: string, all: readonly string[]): string[] =>
  all.length === 0 ? [] : [`${title} ${all.join(' ')}`];

/** Lines of plain text, no longer than a terminal is wide in the usual case. */
export const summarise = (facts: SummaryFacts): string[] => {
  const { network, golden, description, disks, streams, exclude, bootloader, bootWay, warnings } =
    facts;
  const { atRuntime, notCopied } = facts;
  const lines = [
    `Golden node ${golden.hostname}, system in ${golden.path}`,
    'On each node, everything on these disks is erased, except what is left as it is:',
    ...description.disks.flatMap((disk) => [
      `  ${disk.name}: ${disk.table} table${goldenName(disk, disks)}`,
      ...disk.partitions.map((partition) => partitionLine(disk, partition)),
    ]),
    ...list(
      'Streams:',
      streams.map(({ plan }) => {
        const size = plan.expectedBytes;
        return `    ${plan.name}${size === undefined ? '' : `, about ${Math.round(size / MIB)} MiB`}`;
      }),
    ),
    ...list(
      'Excluded directories:',
      exclude.map((directory) => `    ${directory}`),
    ),
    ...list(
      'Left out, as it belongs to the running system:',
      atRuntime.length > 0 ? [`    ${atRuntime.join(' ')}`] : [],
    ),
    ...list(
      'Not copied:',
      notCopied.map((line) => `    ${line}`),
    ),
    `Bootloader: ${bootloader.kind}`,
    ...words('Modules in every initramfs:', bootloader.initramfsModules),
    ...words('Initramfs options:', bootloader.initramfsOptions),
    ...(bootWay && bootloader.kind !== 'none'
      ? [`Nodes may boot by ${describeBootableBy(bootWay)}`]
      : []),
    `Network: ${describeNetwork[network]}`,
    ...warnings.map((warning) => `Warning: ${warning}`),
  ];
  // Labels, names and mount points may come from a disk.
  return lines.map(printable);
};
