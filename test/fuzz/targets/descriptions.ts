/** Description files in both languages, sizes, and what is planned from them. */
import fc from 'fast-check';
import { parseClassic } from '../../../desc/classic.ts';
import { DiskPlan } from '../../../desc/clone-plan.ts';
import { DescError } from '../../../desc/desc-error.ts';
import type { DiskFacts } from '../../../desc/facts.ts';
import { isYamlFile, looksLikeYaml } from '../../../desc/load.ts';
import { Description, DiskSpec } from '../../../desc/model.ts';
import { describePlan, planDisk, planToSfdisk } from '../../../desc/plan.ts';
import {
  bytesPattern,
  exactBytes,
  MIB,
  sizeOf,
  sizePattern,
  sizeText,
} from '../../../desc/sizes.ts';
import { classicObstacle, toClassic } from '../../../desc/to-classic.ts';
import { toYaml } from '../../../desc/to-yaml.ts';
import { parseYaml } from '../../../desc/yaml.ts';
import { RandomDisks } from '../../desc/support/random-disk.ts';
import { like } from '../hostile.ts';
import { mustBe, mustBeShown, orRefused, parser, same } from '../target.ts';

const CLASSIC = [
  '# sda\nlinux 3500\nextended 20000\nlogical linux 500\nlogical swap 512\nlogical linux fill\n',
  'linux 100\nswap 200\ntype83 fill\n',
  'extended 38326\nlogical linux 38326\n',
  'type07 10\ntypeFD 20\ntype8e 30\nextended fill\nlogical typeA5 fill',
];

const YAML = [
  `disks:
  - name: sda
    table: gpt
    match: { minSize: 1GiB, maxSize: 10TiB, model: "Some, disk" }
    partitions:
      - { size: 512MiB, type: esp, filesystem: vfat, mount: /boot/efi }
      - { size: 25.5%, filesystem: { type: ext4, options: ["-O", "^metadata_csum"], label: data }, mount: /srv }
      - { size: 2GB, filesystem: swap }
      - { number: 9, size: fill, filesystem: btrfs, mount: /, mountOptions: "noatime,compress=zstd", flags: [RequiredPartition, 48] }
exclude: [/var/cache, /tmp/]
nodes:
  - alpha
  - { name: beta, mac: "52:54:00:12:34:56", address: 10.0.0.2, power: "ipmitool -H 10.0.0.9 chassis power" }
`,
  `disks:
- name: vda
  table: msdos
  partitions:
  - size: 1GiB
    content: raw
    flags: [boot]
  - size: fill
    logical: true
    filesystem: xfs
    mount: /
  - {size: 300MiB, logical: true, content: keep, number: 6}
`,
  '{"disks":[{"name":"sda","table":"gpt","partitions":[{"size":"fill","filesystem":"ext4","mount":"/"}]}]}',
  'disks: &a [{name: sda, table: gpt, partitions: []}, *a]\n',
];

/** Undefined for what is refused, in ten lines and one that counts the rest, each to be shown as it is. */
const orInvalid = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DescError)) throw error;
    const lines = error.message.split('\n');
    mustBe(lines.length <= 11, error.message);
    for (const line of lines) mustBeShown(line);
    return undefined;
  }
};

const described = (text: string): Description | undefined =>
  orInvalid(() => parseYaml(text, { file: 'desc.yaml' }));

const classicDisk = (text: string): DiskSpec | undefined =>
  orInvalid(() => parseClassic(text, { file: 'desc', disk: 'sda' }));

const refusals = [
  ...['DiskReadOnly', 'DiskInUse', 'DiskMismatch', 'DiskTooSmall', 'MsdosTooLarge'],
  ...['KeepMismatch', 'PartitionTooSmall', 'SectorSizeMismatch'],
];

const blank = (sizeBytes: number, sectorBytes: number): DiskFacts => ({
  name: 'sda',
  device: '/dev/sda',
  sizeBytes,
  sectorBytes,
  readOnly: false,
  inUse: [],
  table: 'none',
  partitions: [],
});

interface Span {
  number: number;
  start: number;
  end: number;
}

const mustBeApart = (spans: readonly Span[], within: Span): void => {
  const ordered = spans.toSorted((a, b) => a.start - b.start);
  for (const [index, span] of ordered.entries()) {
    const next = ordered[index + 1];
    mustBe(span.start < span.end, `partition ${span.number} has no end`);
    mustBe(span.start >= within.start, `partition ${span.number} begins before its space`);
    mustBe(span.end <= within.end, `partition ${span.number} ends behind its space`);
    mustBe(!next || span.end <= next.start, `partition ${span.number} overlaps ${next?.number}`);
  }
};

/** In the disk, apart from each other, logical ones in the extended one; and the schema of nodes takes it. */
const mustBeSound = (plan: DiskPlan): void => {
  same(DiskPlan.parse(plan), plan, 'the plan is not as its schema reads it');
  const sectors = Math.floor(plan.sizeBytes / plan.sectorBytes);
  const spans = plan.partitions.map(({ number, role, startSector, sizeSectors }) => ({
    number,
    role,
    start: startSector,
    end: startSector + sizeSectors,
  }));
  const disk = { number: 0, start: 1, end: sectors };
  mustBeApart(
    spans.filter(({ role }) => role !== 'logical'),
    disk,
  );
  const holder = spans.find(({ role }) => role === 'extended');
  const inner = spans.filter(({ role }) => role === 'logical');
  mustBe(inner.length === 0 || holder !== undefined, 'logical partitions without an extended one');
  // In front of each logical one there is a sector with its table.
  if (holder) mustBeApart(inner, { ...holder, start: holder.start + 1 });
  const aligned = MIB / plan.sectorBytes;
  mustBe(
    spans.every(({ start }) => start % aligned === 0),
    'not at a whole MiB',
  );
  const script = planToSfdisk(plan);
  mustBe(
    script.split('\n').every((line) => /^[\x20-\x7e]*$/.test(line)),
    'a line for sfdisk is not plain',
  );
  mustBe(script.split('\n').length === plan.partitions.length + 5, 'sfdisk gets another line');
};

const planned = (spec: DiskSpec, facts: DiskFacts): void => {
  const plan = orRefused(refusals, () => planDisk(spec, facts));
  if (plan) mustBeSound(plan);
};

const diskSize = fc.oneof(
  fc.bigInt({ min: 0n, max: 1n << 43n }).map((sectors) => Number(sectors) * 512),
  fc.constantFrom(0, 512, 1024 ** 2, 2 ** 32 * 512, 2 ** 32 * 512 + 4096, 2 ** 53 - 512),
);
const sector = fc.constantFrom(512, 4096);

export const descriptionTargets = [
  parser(
    'sizes',
    like('20GiB', '1.5 TiB', '33%', 'fill', '512B', '0.1kB', '99999999999999TB'),
    (text) => {
      if (bytesPattern.test(text)) mustBe(sizePattern.test(text), 'bytes, but no size');
      if (!sizePattern.test(text)) return;
      const size = sizeOf(text);
      const amount =
        size.kind === 'bytes' ? size.bytes : size.kind === 'percent' ? size.percent : 0;
      mustBe(amount >= 0, 'no amount');
      if (!Number.isSafeInteger(amount) && size.kind === 'bytes') return;
      same(sizeOf(sizeText(size)), size, 'read again it is another');
      if (size.kind === 'bytes') same(sizeOf(exactBytes(size.bytes)), size, 'not exact');
    },
    2,
  ),
  parser(
    'classic descriptions',
    like(...CLASSIC),
    (text) => {
      const spec = classicDisk(text);
      if (!spec) return;
      same(DiskSpec.parse(spec), spec, 'not as its schema reads it');
      if (classicObstacle(spec) === undefined) {
        same(classicDisk(toClassic(spec))?.partitions.length, spec.partitions.length, 'rewritten');
      }
    },
    3,
  ),
  parser(
    'yaml descriptions',
    like(...YAML),
    (text) => {
      const description = described(text);
      if (!description) return;
      same(Description.parse(description), description, 'not as its schema reads it');
      same(described(toYaml(description)), description, 'read again it is another');
    },
    1,
  ),
  parser('language of a description', like(...CLASSIC, ...YAML), (text) => {
    mustBe(typeof looksLikeYaml(text) === 'boolean', 'neither');
    mustBe(typeof isYamlFile(text) === 'boolean', 'neither');
  }),
  parser(
    'plans of classic descriptions',
    fc.tuple(like(...CLASSIC), diskSize, sector),
    ([text, bytes, sectorBytes]) => {
      const spec = classicDisk(text);
      if (spec) planned(spec, blank(bytes, sectorBytes));
    },
    3,
  ),
  parser(
    'plans of yaml descriptions',
    fc.tuple(like(...YAML), diskSize, sector),
    ([text, bytes, sectorBytes]) => {
      for (const spec of described(text)?.disks ?? []) planned(spec, blank(bytes, sectorBytes));
    },
    1,
  ),
  parser(
    'plans of random descriptions, shown',
    fc.tuple(fc.integer(), diskSize, sector, like('a "name"', 'é')),
    ([seed, bytes, sectorBytes, name]) => {
      const disk = new RandomDisks(seed).disk();
      const partitions = disk.partitions.map((partition) =>
        disk.table === 'gpt' && name !== '' ? { ...partition, name } : partition,
      );
      const read = DiskSpec.safeParse({ ...disk, partitions }).data;
      const plan = read && orRefused(refusals, () => planDisk(read, blank(bytes, sectorBytes)));
      if (!plan) return;
      mustBeSound(plan);
      for (const line of describePlan(plan)) mustBeShown(line);
    },
    3,
  ),
];
