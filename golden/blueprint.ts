/**
 * What a session will do, worked out before it opens: the complete description,
 * the streams and where they come from, the plan of each node when it comes.
 */
import { stat } from 'node:fs/promises';
import { isCleanPath } from '../desc/clean-path.ts';
import type { ClonePlan, StreamPlan } from '../desc/clone-plan.ts';
import { completeFromGolden } from '../desc/complete.ts';
import { DiskFacts } from '../desc/facts.ts';
import type { GoldenDisk } from '../desc/golden-disk.ts';
import type { Description, DiskSpec, PartitionSpec } from '../desc/model.ts';
import { partitionDevice } from '../desc/partition-device.ts';
import { planDisk } from '../desc/plan.ts';
import type { Hello } from '../protocol/admission.ts';
import type { Network } from '../protocol/network.ts';
import { excludedBelow } from '../streams/exclude.ts';
import { NamedError } from '../system/named-error.ts';
import { stateDirectory } from '../system/state-directory.ts';
import { chooseBoot } from './boot-choice.ts';
import { readBootCode } from './boot-code.ts';
import { chooseDisks } from './choose-disk.ts';
import { describeGolden, requireUnderstood } from './describe-golden.ts';
import { describedByFiles } from './described-by-files.ts';
import { excludedDirectory, excludedIn } from './excluded.ts';
import { type BootWay, firmwareFor } from './firmware.ts';
import { under } from './golden-mounts.ts';
import { readGoldenRoot } from './golden-root.ts';
import { leftOut } from './left-out.ts';
import { nodeName } from './node-name.ts';
import { hiddenIn, holdsSecrets } from './own-secrets.ts';
import { plannedStreams, requireRoot } from './planned-streams.ts';
import { rawProblem, rawWarnings } from './raw-copies.ts';
import type { SettleTree } from './settle-view.ts';
import { isSkippedMount, parseSkip, requireSomethingSkipped } from './skip-devices.ts';
import { type StreamSource, streamSource } from './stream-source.ts';
import { summarise } from './summary.ts';
import { requireTools } from './tools.ts';

export interface BlueprintOptions {
  root: string;
  network: Network;
  /** Disk name and desc file, as given by -p. Empty = as the golden's own disks. */
  descriptions: readonly (readonly [string, string])[];
  exclude: readonly string[];
  skipDevices: string | undefined;
  rawPartitions: readonly string[];
  /** Disks that get the boot code of the golden's own disk of that name (-m). */
  bootCodeOf: readonly string[];
  /** Disk name and file to take its boot code from (-M). */
  bootCodeFiles: readonly (readonly [string, string])[];
  /** "grub --with=x": loader, then options for the initramfs tool. */
  bootloader: string | undefined;
  mayCompress: boolean;
}

export interface Blueprint {
  hostname: string;
  /** The plan in words, for the admin to confirm. */
  summary: string[];
  sources: readonly StreamSource[];
  settleTrees: readonly SettleTree[];
  /** MAC addresses of the node list. */
  listedMacs: readonly string[];
  /** Throws the `NamedError` that refuses this node: its disk does not fit. */
  planFor: (hello: Hello, name: string) => ClonePlan;
  /** What the operator should know of the disks that plan is for; undefined when nothing. */
  disksNote: (hello: Hello) => string | undefined;
  nameFor: (hello: Hello, address: string, number: number, taken: ReadonlySet<string>) => string;
}

/** Directories of a running system whose contents belong to that run only. */
const runtimeDirectories = ['/proc', '/sys', '/dev', '/run', '/tmp', '/var/tmp', '/mnt/ka'];

/** `-D sda4`: the disk name followed by the number, with the "p" of nvme0n1p4 where it has one. */
const isPartition = (disk: DiskSpec, { number }: PartitionSpec, wanted: string): boolean =>
  wanted.replace(/^\/dev\//, '') === partitionDevice(disk.name, number);

const withRawPartitions = (description: Description, wanted: readonly string[]): Description => {
  const left = new Set(wanted);
  const disks = description.disks.map((disk) => ({
    ...disk,
    partitions: disk.partitions.map((partition): PartitionSpec => {
      const name = wanted.find((candidate) => isPartition(disk, partition, candidate));
      if (name === undefined) return partition;
      left.delete(name);
      const { filesystem, ...rest } = partition;
      return { ...rest, content: 'raw' };
    }),
  }));
  const [unknown] = left;
  if (unknown === undefined) return { ...description, disks };
  throw new NamedError(
    'NoSuchPartition',
    `-D ${unknown}: the description has no such partition; write it like sda3`,
  );
};

/**
 * Reads the golden and the descriptions and checks that they fit. Throws the
 * `NamedError` that says what does not; nothing was started or written then.
 */
export const makeBlueprint = async (
  options: BlueprintOptions,
  signal: AbortSignal,
): Promise<Blueprint> => {
  const golden = await readGoldenRoot(options.root);
  const skip = parseSkip(options.skipDevices);
  const isGiven = options.descriptions.length > 0;
  const { description: described, disks } = isGiven
    ? await describedByFiles(options.descriptions, golden, skip)
    : await describeGolden(golden, skip);
  await requireSomethingSkipped(skip, described, golden.mounts);
  const loaded = withRawPartitions(described, options.rawPartitions);
  if (!isGiven) {
    requireUnderstood(loaded, disks, golden, skip, (disk, partition) =>
      options.rawPartitions.some((wanted) => isPartition(disk, partition, wanted)),
    );
  }
  const { description, refs, warnings } = completeFromGolden(loaded, disks);
  const { directories: exclude, warnings: oddExcludes } = await excludedIn(golden.path, [
    ...description.exclude,
    ...options.exclude.map(excludedDirectory),
  ]);
  const atRuntime = golden.path === '/' ? runtimeDirectories : [];
  const hidden = await hiddenIn(golden.path, exclude);
  const left = [...new Set([...exclude, ...atRuntime, ...hidden])];
  const streams = plannedStreams(description, golden, refs, left);
  requireRoot(streams, loaded, { disks, golden, isGiven });
  const notBySkip = golden.mounts.filter((mount) => !isSkippedMount(skip, mount));
  const problem = rawProblem(streams, notBySkip);
  if (problem) throw problem;
  const mounts = streams.flatMap(({ plan }) => plan.mount ?? []);
  // Of the same device as what is around them, so that nothing tells tar and rsync to stop there.
  const notRead = golden.mounts.flatMap(({ role, mount }) =>
    (role === 'again' || role === 'piece') && !mounts.includes(mount) ? [mount] : [],
  );
  requireCleanPaths(notRead);

  const rootDisk = description.disks.find(({ partitions }) =>
    partitions.some(({ mount }) => mount === '/'),
  );
  const bootDisk = rootDisk ?? description.disks[0];
  const { installableFor, ...choice } = await chooseBoot(
    options.bootloader,
    golden.path,
    bootDisk?.table,
  );
  const bootloader = { ...choice, ...(rootDisk === undefined ? {} : { disk: rootDisk.name }) };
  const bootWay: BootWay | undefined = rootDisk && {
    kind: bootloader.kind,
    installableFor,
    disks: description.disks,
    bootDisk: rootDisk,
  };
  const bootCode = await bootCodeOf(options, description, disks);
  for (const { plan } of streams) {
    if (plan.mount !== undefined) await requireDirectory(under(golden.path, plan.mount));
  }
  for (const { plan, ref } of streams) {
    if (plan.kind === 'raw' && ref) await requireNoSecrets(plan, ref.device);
  }
  const sources = streams.map(({ plan, ref }) =>
    streamSource({
      plan,
      path: plan.kind === 'files' ? under(golden.path, plan.mount ?? '/') : (ref?.device ?? ''),
      exclude: left,
      mounts: [...mounts, ...notRead],
    }),
  );
  await requireTools(sources, signal);

  const disksFor = (hello: Hello) =>
    hello.target === 'directory'
      ? []
      : chooseDisks(description, hello.inventory.disks.map(factsOf), refs);
  const planFor = (hello: Hello, hostname: string): ClonePlan => {
    const chosen = disksFor(hello);
    const directory = hello.target === 'directory';
    const machine = hello.inventory.firmware;
    const bootDevice = chosen.find(({ spec }) => spec === bootWay?.bootDisk)?.facts.device;
    const firmware =
      bootWay && bootDevice !== undefined ? firmwareFor(machine, bootDevice, bootWay) : machine;
    return {
      hostname,
      goldenHostname: golden.hostname,
      disks: chosen.map(({ spec, facts }) => planDisk(spec, facts, { refs })),
      streams: streams.map(({ plan }) => plan).filter(({ kind }) => !directory || kind === 'files'),
      mayBeCompressed: options.mayCompress,
      exclude: left,
      ...(notRead.length === 0 ? {} : { notRead }),
      bootloader: directory
        ? { kind: 'none', firmware, initramfsModules: [], initramfsOptions: [] }
        : { ...bootloader, firmware },
      bootCode,
    };
  };

  const notCopied = leftOut(golden.mounts, { streams, refs, exclude: left }, skip);
  return {
    hostname: golden.hostname,
    summary: summarise({
      network: options.network,
      golden,
      description,
      disks,
      streams,
      exclude,
      atRuntime,
      notCopied: notCopied.lines,
      bootloader,
      bootWay,
      warnings: [
        ...warnings,
        ...oddExcludes,
        ...notCopied.warnings,
        ...rawWarnings(streams, notBySkip, disks),
      ],
    }),
    sources,
    settleTrees: streams.flatMap(({ plan: { kind, mount } }) =>
      kind === 'files' && mount !== undefined
        ? [
            {
              mount,
              path: under(golden.path, mount),
              excluded: excludedBelow(mount, left, [...mounts, ...notRead]),
            },
          ]
        : [],
    ),
    listedMacs: description.nodes.flatMap(({ mac }) => mac ?? []),
    planFor,
    disksNote: (hello) =>
      disksFor(hello)
        .flatMap(({ why }) => why ?? [])
        .join('; ') || undefined,
    nameFor: (hello, address, number, taken) =>
      nodeName(description.nodes, golden.hostname, hello, address, number, taken),
  };
};

/** Boot code by described disk, base64. Throws `NoSuchDisk` and what `readBootCode` throws. */
const bootCodeOf = async (
  { bootCodeOf: own, bootCodeFiles }: BlueprintOptions,
  description: Description,
  golden: readonly GoldenDisk[],
): Promise<Record<string, string>> => {
  const sources: (readonly [string, string])[] = [
    // The golden's disk may have another name than the nodes' in the description.
    ...own.map((name) => {
      const disk = golden.find((candidate) => candidate.name === name);
      return [name, disk?.device ?? `/dev/${name}`] as const;
    }),
    ...bootCodeFiles,
  ];
  const code: Record<string, string> = {};
  for (const [name, path] of sources) {
    if (!description.disks.some((disk) => disk.name === name)) {
      const names = description.disks.map((disk) => disk.name).join(', ');
      throw new NamedError(
        'NoSuchDisk',
        `boot code for ${name}: the description has no such disk, but ${names}; correct -m or -M`,
      );
    }
    code[name] = await readBootCode(path);
  }
  return code;
};

/** What a node says of one of its disks. Throws `BadInventory`. */
const factsOf = (said: Hello['inventory']['disks'][number]): DiskFacts => {
  const facts = DiskFacts.safeParse(said);
  if (facts.success) return facts.data;
  const where = facts.error.issues[0]?.path.join('.');
  throw new NamedError(
    'BadInventory',
    `what this node says of its disks is not understood (${where}); boot it with this golden's own image`,
  );
};

/** Throws `OddMountPoint`. */
const requireCleanPaths = (mounts: readonly string[]): void => {
  const odd = mounts.find((mount) => !isCleanPath(mount));
  if (odd === undefined) return;
  throw new NamedError(
    'OddMountPoint',
    `the golden has a file system mounted a second time on ${JSON.stringify(odd)}, which no plan can say; unmount it`,
  );
};

const requireNoSecrets = async ({ disk, partition }: StreamPlan, device: string): Promise<void> => {
  if (!(await holdsSecrets(device))) return;
  throw new NamedError(
    'HoldsSecrets',
    `${partitionDevice(disk, partition)} cannot be copied byte by byte: this golden's own keys are on it (${stateDirectory()}); clone its files, or set KA_STATE_DIR to a directory elsewhere`,
  );
};

const requireDirectory = async (path: string): Promise<void> => {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new NamedError(
    'NoSuchDirectory',
    `the description wants the golden's ${path}, which is not there; mount it or correct the description`,
  );
};
