/**
 * What a session will do, worked out before it opens: the complete description,
 * the streams and where they come from, the plan of each node when it comes.
 */
import { stat } from 'node:fs/promises';
import { Bootloader, type ClonePlan, type StreamPlan } from '../desc/clone-plan.ts';
import { completeFromGolden } from '../desc/complete.ts';
import { DiskFacts } from '../desc/facts.ts';
import { describeDisk } from '../desc/from-disk.ts';
import { type GoldenDisk, type GoldenRefs, goldenKey } from '../desc/golden-disk.ts';
import { loadDescription } from '../desc/load.ts';
import type { Description, DiskSpec, PartitionSpec } from '../desc/model.ts';
import { partitionDevice } from '../desc/partition-device.ts';
import { planDisk } from '../desc/plan.ts';
import { excludedBelow } from '../streams/exclude.ts';
import { NamedError } from '../system/named-error.ts';
import { stateDirectory } from '../system/state-directory.ts';
import { readBootCode } from './boot-code.ts';
import { type BootWay, firmwareFor } from './firmware.ts';
import { type GoldenRoot, readGoldenRoot } from './golden-root.ts';
import type { Hello } from './member.ts';
import { nodeName } from './node-name.ts';
import { hiddenIn, holdsSecrets } from './own-secrets.ts';
import type { SettleTree } from './settle-view.ts';
import { type StreamSource, streamSource } from './stream-source.ts';
import { summarise } from './summary.ts';
import { requireTools } from './tools.ts';

export interface BlueprintOptions {
  root: string;
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
}

export interface Blueprint {
  hostname: string;
  /** The plan in words, for the admin to confirm. */
  summary: string[];
  sources: readonly StreamSource[];
  settleTrees: readonly SettleTree[];
  /** Throws the `NamedError` that refuses this node: its disk does not fit. */
  planFor: (hello: Hello, name: string) => ClonePlan;
  nameFor: (hello: Hello, address: string, number: number, taken: ReadonlySet<string>) => string;
}

/** Directories of a running system whose contents belong to that run only. */
const runtimeDirectories = ['/proc', '/sys', '/dev', '/run', '/tmp', '/var/tmp', '/mnt/ka'];

/**
 * A golden with one disk carries it under whatever name; the description calls
 * it as the nodes do.
 */
const underDescribedNames = (
  disks: readonly GoldenDisk[],
  described: readonly DiskSpec[],
): GoldenDisk[] => {
  const [only] = disks;
  const [wanted] = described;
  return disks.length === 1 && described.length === 1 && only && wanted
    ? [{ ...only, name: wanted.name }]
    : [...disks];
};

/** Describes the golden's own disks; those that match `skip` stay out, matching partitions get no content. */
const describeGolden = (golden: GoldenRoot, skip: RegExp | undefined): Description => {
  const wanted = golden.disks.filter(({ device }) => !skip?.test(device));
  if (wanted.length === 0) {
    throw new NamedError(
      'NoDescription',
      golden.disks.length > 0
        ? `-X ${skip?.source} leaves no disk of the golden to clone; give a description with -p DRIVE FILE`
        : `${golden.path} is not on a disk of its own, so its disk cannot be described; give a description with -p DRIVE FILE`,
    );
  }
  const disks = wanted.map((disk) => {
    const mounts = new Map(
      Object.entries(disk.use).flatMap(([number, { mount, mountOptions }]) =>
        mount === undefined
          ? []
          : [[Number(number), { mount, ...(mountOptions === undefined ? {} : { mountOptions }) }]],
      ),
    );
    const skipped = new Set(
      disk.partitions.filter(({ device }) => skip?.test(device)).map(({ number }) => number),
    );
    const spec = describeDisk(disk, { fillLast: true, mounts });
    return {
      ...spec,
      partitions: spec.partitions.map((partition): PartitionSpec => {
        if (!skipped.has(partition.number) || partition.role === 'extended') return partition;
        const { filesystem, mount, mountOptions, ...bare } = partition;
        return { ...bare, content: 'empty' };
      }),
    };
  });
  return { disks, exclude: [], nodes: [] };
};

const loadAll = async (
  descriptions: BlueprintOptions['descriptions'],
  golden: GoldenRoot,
  skip: RegExp | undefined,
): Promise<Description> => {
  if (descriptions.length === 0) return describeGolden(golden, skip);
  const loaded = await Promise.all(
    descriptions.map(([disk, file]) => loadDescription(file, { disk })),
  );
  return {
    disks: loaded.flatMap(({ disks }) => disks),
    exclude: loaded.flatMap(({ exclude }) => exclude),
    nodes: loaded.flatMap(({ nodes }) => nodes),
  };
};

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

const withoutDevices = (
  disks: readonly GoldenDisk[],
  pattern: RegExp | undefined,
): GoldenDisk[] => {
  if (pattern === undefined) return [...disks];
  return disks.map((disk) => ({
    ...disk,
    use: Object.fromEntries(
      Object.entries(disk.use).filter(([number]) => {
        const partition = disk.partitions.find((candidate) => String(candidate.number) === number);
        return !pattern.test(partition?.device ?? '');
      }),
    ),
  }));
};

const parseRegex = (regex: string): RegExp => {
  try {
    return new RegExp(regex);
  } catch (error) {
    throw new NamedError('BadRegex', `-X ${regex}: not a regular expression`, { cause: error });
  }
};

const bootloaderFor = (
  wanted: string | undefined,
  golden: GoldenRoot,
  disk: string | undefined,
): Omit<ClonePlan['bootloader'], 'firmware'> => {
  const [kind = golden.bootloader, ...initramfsOptions] = wanted?.trim().split(/\s+/) ?? [];
  const known = Bootloader.safeParse(kind);
  if (!known.success) {
    throw new NamedError(
      'UnknownBootloader',
      `-r ${kind}: not a boot loader; use ${Bootloader.options.join(', ')}`,
    );
  }
  return { kind: known.data, initramfsOptions, ...(disk === undefined ? {} : { disk }) };
};

/** Streams in the order of the tables: file systems first, then raw partitions, as the original. */
const streamsOf = (description: Description, golden: GoldenRoot, refs: GoldenRefs) => {
  const all = description.disks.flatMap((disk) =>
    disk.partitions.map((partition) => ({ disk, partition })),
  );
  const files = all
    .filter(({ partition }) => partition.content === 'files')
    .sort((a, b) => (a.partition.mount ?? '').localeCompare(b.partition.mount ?? ''));
  const raw = all.filter(({ partition }) => partition.content === 'raw');
  return [...files, ...raw].map(({ disk, partition }) => {
    const ref = refs.get(goldenKey(disk.name, partition.number));
    return { disk, partition, ref, plan: streamPlan(disk, partition, golden, ref?.sizeBytes) };
  });
};

const streamPlan = (
  disk: DiskSpec,
  { number, content, mount }: PartitionSpec,
  golden: GoldenRoot,
  sizeBytes: number | undefined,
): StreamPlan => {
  const place = { disk: disk.name, partition: number };
  if (content === 'raw') {
    const expected = sizeBytes === undefined ? {} : { expectedBytes: sizeBytes };
    return { name: `raw ${disk.name}${number}`, kind: 'raw', ...place, ...expected };
  }
  const used = mount === undefined ? undefined : golden.usedBytes.get(mount);
  return {
    name: mount ?? `${disk.name}${number}`,
    kind: 'files',
    ...place,
    ...(mount === undefined ? {} : { mount }),
    ...(used === undefined ? {} : { expectedBytes: used }),
  };
};

const under = (root: string, mount: string): string =>
  root === '/' ? mount : mount === '/' ? root : `${root}${mount}`;

/**
 * Reads the golden and the descriptions and checks that they fit. Throws the
 * `NamedError` that says what does not; nothing was started or written then.
 */
export const makeBlueprint = async (
  options: BlueprintOptions,
  signal: AbortSignal,
): Promise<Blueprint> => {
  const golden = await readGoldenRoot(options.root);
  const skip = options.skipDevices === undefined ? undefined : parseRegex(options.skipDevices);
  const loaded = withRawPartitions(
    await loadAll(options.descriptions, golden, skip),
    options.rawPartitions,
  );
  const disks = withoutDevices(underDescribedNames(golden.disks, loaded.disks), skip);
  const { description, refs, warnings } = completeFromGolden(loaded, disks);
  const streams = streamsOf(description, golden, refs);
  const mounts = streams.flatMap(({ plan }) => plan.mount ?? []);
  const exclude = [...new Set([...description.exclude, ...options.exclude])];
  const atRuntime = golden.path === '/' ? runtimeDirectories : [];
  const hidden = await hiddenIn(golden.path, exclude);
  const left = [...new Set([...exclude, ...atRuntime, ...hidden])];
  for (const directory of options.exclude) requireAbsolute(directory);

  const rootDisk = description.disks.find(({ partitions }) =>
    partitions.some(({ mount }) => mount === '/'),
  );
  const bootloader = bootloaderFor(options.bootloader, golden, rootDisk?.name);
  const bootWay: BootWay | undefined = rootDisk && {
    kind: bootloader.kind,
    grubFor: golden.grubFor,
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
      mounts,
    }),
  );
  await requireTools(sources, signal);

  const planFor = (hello: Hello, hostname: string): ClonePlan => {
    const facts = hello.inventory.disks.map((disk) => DiskFacts.parse(disk));
    const directory = hello.target === 'directory';
    const machine = hello.inventory.firmware;
    const firmware =
      directory || !bootWay
        ? machine
        : firmwareFor(machine, diskNamed(bootWay.bootDisk.name, facts).device, bootWay);
    return {
      hostname,
      goldenHostname: golden.hostname,
      disks: directory
        ? []
        : description.disks.map((disk) => planDisk(disk, diskNamed(disk.name, facts), { refs })),
      streams: streams.map(({ plan }) => plan).filter(({ kind }) => !directory || kind === 'files'),
      exclude: left,
      bootloader: directory
        ? { kind: 'none', firmware, initramfsOptions: [] }
        : { ...bootloader, firmware },
      bootCode,
    };
  };

  return {
    hostname: golden.hostname,
    summary: summarise({ golden, description, streams, exclude, bootloader, bootWay, warnings }),
    sources,
    settleTrees: streams.flatMap(({ plan: { kind, mount } }) =>
      kind === 'files' && mount !== undefined
        ? [
            {
              mount,
              path: under(golden.path, mount),
              excluded: excludedBelow(mount, left, mounts),
            },
          ]
        : [],
    ),
    planFor,
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

const requireAbsolute = (directory: string): void => {
  if (directory.startsWith('/')) return;
  throw new NamedError(
    'BadExclude',
    `-x ${directory}: give the directory from the root on, like /${directory}`,
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

const diskNamed = (name: string, facts: readonly DiskFacts[]): DiskFacts => {
  const found = facts.find((disk) => disk.name === name);
  if (found) return found;
  const there = facts.map((disk) => disk.name).join(', ') || 'none';
  throw new NamedError(
    'NoSuchDisk',
    `this node has no disk ${name} (it has: ${there}); change the description or look at its controller`,
  );
};
