/** `ka desc …`: look at, check and convert descriptions. Nothing here writes to a disk. */
import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type DiskMounts, findMounts, mountTable } from '../desc/disk-mounts.ts';
import type { DiskFacts } from '../desc/facts.ts';
import { describeDisk } from '../desc/from-disk.ts';
import { isYamlFile, loadDescription } from '../desc/load.ts';
import type { Description, DiskSpec } from '../desc/model.ts';
import type { GivenDisk } from '../desc/places.ts';
import { describePlan, planDisk, planToSfdisk } from '../desc/plan.ts';
import { nameFor, probeDisk } from '../desc/probe.ts';
import { bytesOf, bytesPattern } from '../desc/sizes.ts';
import { classicObstacle, toClassic } from '../desc/to-classic.ts';
import { toYaml } from '../desc/to-yaml.ts';
import { NamedError } from '../system/named-error.ts';
import { printWarning, told } from './exit.ts';
import { gather } from './parse.ts';
import { stopSignal } from './stop-signal.ts';

/** Adds `desc from-disk|check|plan|convert`. Bad descriptions exit 64, refused disks 1. */
export const addDescCommands = (program: Command): void => {
  const desc = program
    .command('desc')
    .description('describe disks: from a real one, check, show what would be written');
  addFromDisk(desc);
  addCheck(desc);
  addPlan(desc);
  addConvert(desc);
};

interface FromDiskFlags {
  format?: 'classic' | 'yaml';
  fill?: boolean;
  output?: string;
  root?: string;
}

const addFromDisk = (desc: Command): void => {
  desc
    .command('from-disk')
    .description('describe disks as they are')
    .argument(
      '<[name=]disk...>',
      'sda, /dev/nvme0n1, or an image file; NAME= when its system calls it otherwise',
    )
    .option('--root <dir>', 'where the system of these disks is mounted (default: looked for)')
    .addOption(
      new Option(
        '--format <format>',
        'default: classic where it can say the layout, otherwise yaml',
      ).choices(['classic', 'yaml']),
    )
    .option('--fill', 'the last partition takes the rest of the space')
    .option('-o, --output <file>', 'write to this file instead of the terminal')
    .action(
      told(async (disks: string[], { format, fill = false, output, root }: FromDiskFlags) => {
        const signal = stopSignal('desc from-disk');
        const given: GivenDisk[] = [];
        for (const disk of disks) {
          const { name, device } = diskChoice(disk);
          given.push({ facts: await probe(device, name, signal), named: name !== undefined });
        }
        const found = await findMounts(given, { root, signal });
        const specs = given.map(({ facts }) =>
          describeDisk(facts, { fillLast: fill, mounts: mountTable(found, facts) }),
        );
        const chosen = format ?? usualFormat(specs, output);
        if (chosen === 'yaml') requireOnePlace(found);
        await print(inFormat(specs, chosen), output);
        for (const note of [...found.notes, ...found.severalPlaces]) printWarning(note);
      }),
    );
};

/** A classic file does not say what is in a partition; for YAML it must be known. */
const requireOnePlace = ({ severalPlaces: [first] }: DiskMounts): void => {
  if (first === undefined) return;
  throw new NamedError(
    'SeveralPlaces',
    `${first}, but a description has one place for each file system; describe it by hand, with content: raw to copy it byte by byte`,
  );
};

/** The file's own extension decides how it is read back, so it decides here too. */
const usualFormat = (
  specs: readonly DiskSpec[],
  output: string | undefined,
): 'classic' | 'yaml' => {
  if (output !== undefined && isYamlFile(output)) return 'yaml';
  const [first] = specs;
  return specs.length === 1 && first && classicObstacle(first) === undefined ? 'classic' : 'yaml';
};

const inFormat = (specs: readonly DiskSpec[], format: 'classic' | 'yaml'): string => {
  if (format === 'yaml') return toYaml({ disks: [...specs], exclude: [], nodes: [] });
  const [only, ...others] = specs;
  if (only === undefined || others.length > 0) {
    throw new NamedError(
      'Usage',
      'a classic file describes one disk; give one disk, or --format yaml',
    );
  }
  return toClassic(only);
};

interface CheckFlags {
  disk?: DiskChoice[];
  size?: number;
}

const addCheck = (desc: Command): void => {
  desc
    .command('check')
    .description('check a description, and whether it fits a disk')
    .argument('<file>', 'classic or YAML')
    .addOption(diskOption('does it fit this disk?'))
    .addOption(
      new Option('--size <size>', 'does it fit a disk of this size? 8G, 500GB')
        .argParser(diskSize)
        .conflicts('disk'),
    )
    .action(
      told(async (file: string, { disk = [], size }: CheckFlags) => {
        const description = await load(file, disk);
        const facts =
          size === undefined
            ? await chosenFacts(description, disk, stopSignal('desc check'))
            : description.disks.map(({ name }) => blankDisk(name, size));
        for (const { spec, facts: found } of matched(description, facts)) {
          planDisk(spec, { ...found, inUse: [], readOnly: false });
        }
        const counts = description.disks.map(
          ({ name, table, partitions }) =>
            `${name}: ${table}, ${partitions.length} partition${partitions.length === 1 ? '' : 's'}`,
        );
        const fits = facts.length > 0 ? '; fits' : '';
        process.stdout.write(`${file}: good (${counts.join('; ')}${fits})\n`);
      }),
    );
};

const addPlan = (desc: Command): void => {
  desc
    .command('plan')
    .description('show what would be written, sector by sector; nothing is written')
    .argument('<file>', 'classic or YAML')
    .addOption(diskOption('the disk to plan for').makeOptionMandatory())
    .action(
      told(async (file: string, { disk }: { disk: DiskChoice[] }) => {
        const description = await load(file, disk);
        const facts = await chosenFacts(description, disk, stopSignal('desc plan'));
        const pairs = matched(description, facts);
        // The ids in this plan are examples: a node gets its own when it is cloned.
        for (const { spec, facts: found } of pairs) {
          const plan = planDisk(spec, { ...found, inUse: [], readOnly: false });
          process.stdout.write(`${describePlan(plan).join('\n')}\n\n`);
          const script = planToSfdisk(plan).trimEnd().replace(/^/gm, '  ');
          process.stdout.write(`sfdisk ${plan.device}\n${script}\n\n`);
        }
        // Only now, so that a running golden's own disk can be looked at.
        for (const { spec, facts: found } of pairs) planDisk(spec, found);
      }),
    );
};

const addConvert = (desc: Command): void => {
  desc
    .command('convert')
    .description('print a description as YAML')
    .argument('<file>', 'classic desc file')
    .option('--name <disk>', 'name of the disk the file is for', diskName, 'sda')
    .option('-o, --output <file>', 'write to this file instead of the terminal')
    .action(
      told(async (file: string, { name, output }: { name: string; output?: string }) => {
        await print(toYaml(await loadDescription(file, { disk: name })), output);
      }),
    );
};

/** A device, and the name the description has for it when it is another. */
interface DiskChoice {
  name: string | undefined;
  device: string;
}

const diskOption = (what: string): Option =>
  new Option(
    '--disk <[name=]device>',
    `${what} NAME=DEVICE when the names differ, one for each disk`,
  ).argParser(gather(diskChoice));

const diskChoice = (text: string): DiskChoice => {
  const [, name, device] = /^(?:([A-Za-z0-9_-]+)=)?(.+)$/s.exec(text) ?? [];
  if (device === undefined) throw new InvalidArgumentError('expected a disk.');
  return { name, device };
};

const diskName = (text: string): string => {
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  throw new InvalidArgumentError('expected a name such as sda, without /dev/.');
};

/** Small letters and units left short as `sizes.ts` has them: g, gib → GiB, gb → GB. Undefined = no unit. */
const sizeUnit = (text: string): string | undefined => {
  const [, letter = '', rest] = /^([KMGT]?)(I?B)?$/.exec(text.toUpperCase()) ?? [];
  if (letter === '') return rest === 'B' ? 'B' : undefined;
  return rest === 'B' ? `${letter}B` : `${letter}iB`;
};

/** 8G (or 8g) here is 8 GiB, as everywhere in Unix; in descriptions the unit is written out. */
const diskSize = (text: string): number => {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s?([a-z]+)$/i.exec(text) ?? [];
  const full = `${number}${sizeUnit(unit)}`;
  const bytes = bytesPattern.test(full) ? bytesOf(full) : 0;
  if (bytes === 0 || bytes > Number.MAX_SAFE_INTEGER) {
    throw new InvalidArgumentError('expected a size such as 8G, 8GiB or 500GB.');
  }
  return bytes;
};

/** `sda` means /dev/sda; anything with a slash is a path. */
const devicePath = (disk: string): string => (disk.includes('/') ? disk : `/dev/${disk}`);

const probe = (disk: string, name: string | undefined, signal: AbortSignal): Promise<DiskFacts> =>
  probeDisk(devicePath(disk), name, { signal });

/** A classic file does not name its disk: it is for the one that is asked about. */
const load = (file: string, [first]: readonly DiskChoice[]): Promise<Description> =>
  loadDescription(file, { disk: first ? (first.name ?? nameFor(first.device)) : 'sda' });

const chosenFacts = async (
  { disks }: Description,
  choices: readonly DiskChoice[],
  signal: AbortSignal,
): Promise<DiskFacts[]> => {
  const [only, ...others] = disks;
  const facts: DiskFacts[] = [];
  for (const { name, device } of choices) {
    // With one disk on both sides there is nothing to tell apart.
    const alone = others.length === 0 && choices.length === 1 ? only?.name : undefined;
    facts.push(await probe(device, name ?? alone, signal));
  }
  return facts;
};

interface Matched {
  spec: DiskSpec;
  facts: DiskFacts;
}

/** Pairs each given disk with its description, by name. */
const matched = ({ disks }: Description, facts: readonly DiskFacts[]): Matched[] =>
  facts.map((found) => {
    const spec = disks.find(({ name }) => name === found.name);
    if (spec) return { spec, facts: found };
    const names = disks.map(({ name }) => name).join(', ');
    throw new NamedError(
      'Usage',
      `the description has no disk ${found.name}, but ${names}; say which with --disk NAME=${found.device}`,
    );
  });

/** An empty disk of this size, with the usual sectors of 512 bytes. */
const blankDisk = (name: string, sizeBytes: number): DiskFacts => ({
  name,
  device: `/dev/${name}`,
  sizeBytes,
  sectorBytes: 512,
  readOnly: false,
  inUse: [],
  table: 'none',
  partitions: [],
});

const print = async (text: string, output: string | undefined): Promise<void> => {
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  await writeFile(output, text).catch((cause: NodeJS.ErrnoException) => {
    throw new NamedError('OutputUnwritable', `cannot write ${output}: ${cause.message}`, { cause });
  });
};
