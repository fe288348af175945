import { describe, expect, test } from '@jest/globals';
import { parseClassic } from '../../desc/classic.ts';
import { DiskPlan } from '../../desc/clone-plan.ts';
import { type GoldenRef, goldenKey } from '../../desc/golden-disk.ts';
import type { DiskSpec } from '../../desc/model.ts';
import { describePlan, planDisk, planToSfdisk } from '../../desc/plan.ts';
import { probeDisk } from '../../desc/probe.ts';
import { GIB, MIB, TIB } from '../../desc/sizes.ts';
import { parseYaml } from '../../desc/yaml.ts';
import { Disks } from './support/disks.ts';
import { refusal } from './support/errors.ts';
import { emptyDisk } from './support/facts.ts';
import { applyPlan, tableOfPlan, tableOnDisk } from './support/sfdisk-result.ts';

const classic = (text: string): DiskSpec => parseClassic(text, { file: 'desc', disk: 'sda' });

const yaml = (table: string, ...partitions: string[]): DiskSpec => {
  const lines = partitions.map((partition) => `      - { ${partition} }`);
  const head = `disks:\n  - name: sda\n    table: ${table}\n    partitions:\n`;
  const [disk] = parseYaml(`${head}${lines.join('\n')}`, { file: 'd.yaml' }).disks;
  if (!disk) throw new Error('no disk');
  return disk;
};

const sample = 'linux 100\nextended fill\nlogical swap 50\nlogical linux fill';

const gptSample = (): DiskSpec =>
  yaml(
    'gpt',
    'size: 1MiB, type: bios-boot, number: 14',
    'size: 64MiB, type: esp, filesystem: vfat, mount: /boot/efi, flags: [required, 63, 48]',
    'size: 50%, filesystem: ext4, mount: /, name: "a \\"quoted\\", é\\\\ name"',
    'size: fill, filesystem: xfs, mount: /home, flags: [boot]',
    'size: 10MiB, type: swap',
  );

/** Plans on a real disk, has sfdisk write it, and compares what is there with the plan. */
const writeAndCompare = async (spec: DiskSpec, device: string): Promise<DiskPlan> => {
  const plan = planDisk(spec, await probeDisk(device, 'sda'));
  // Nodes get plans for devices only; an image file will do here.
  const sent = { ...plan, device: '/dev/sda' };
  expect(DiskPlan.parse(sent)).toEqual(sent);
  await applyPlan(plan);
  expect(await tableOnDisk(plan.device)).toEqual(tableOfPlan(plan));
  return plan;
};

describe('sfdisk makes exactly what was planned', () => {
  test.each([
    ['msdos', classic(sample)],
    ['gpt', gptSample()],
  ])('%s, image file, 512-byte sectors', async (_, spec) => {
    await using disks = await Disks.create();
    await writeAndCompare(spec, await disks.file(1000 * MIB + 512 * 7));
  });

  test.each([
    ['msdos', classic(sample)],
    ['gpt', gptSample()],
  ])('%s, loop device, 4096-byte sectors', async (_, spec) => {
    await using disks = await Disks.create();
    const plan = await writeAndCompare(spec, await disks.loop(1000 * MIB + 4096, 4096));
    expect(plan.sectorBytes).toBe(4096);
    expect(plan.partitions[0]?.startSector).toBe(256);
    for (const { startSector } of plan.partitions) expect((startSector * 4096) % MIB).toBe(0);
  });

  test('the active flag, and numbers with holes', async () => {
    await using disks = await Disks.create();
    const spec = yaml('msdos', 'size: 10MiB, number: 4, flags: [boot]', 'size: 10MiB, number: 2');
    await writeAndCompare(spec, await disks.file(100 * MIB));
  });

  test('128 gpt partitions', async () => {
    await using disks = await Disks.create();
    const spec = yaml('gpt', ...Array.from({ length: 128 }, () => 'size: 1MiB'));
    await writeAndCompare(spec, await disks.file(130 * MIB));
  });
});

describe('where things go', () => {
  test('fill reaches the last usable sector of each table', () => {
    const last = (spec: DiskSpec, sectorBytes: number): number => {
      const partition = planDisk(spec, emptyDisk(GIB, { sectorBytes })).partitions.at(-1);
      return GIB / sectorBytes - ((partition?.startSector ?? 0) + (partition?.sizeSectors ?? 0));
    };
    expect(last(yaml('gpt', 'size: fill'), 512)).toBe(33);
    expect(last(yaml('gpt', 'size: fill'), 4096)).toBe(5);
    expect(last(yaml('msdos', 'size: fill'), 512)).toBe(0);
  });

  test('fill takes what those after it leave', () => {
    const { partitions } = planDisk(classic('linux fill\nswap 100'), emptyDisk(GIB));
    expect(partitions).toMatchObject([
      { startSector: 2048, sizeSectors: 923 * 2048 },
      { startSector: 924 * 2048, sizeSectors: 100 * 2048 },
    ]);
  });

  test('two halves share the whole disk, and the extended partition', () => {
    const halves = yaml('gpt', 'size: 50%', 'size: 50%');
    const whole = planDisk(halves, emptyDisk(GIB)).partitions;
    expect(whole.map(({ sizeSectors }) => sizeSectors)).toEqual([511 * 2048, 511 * 2048]);
    const logical = yaml('msdos', 'size: 50%, logical: true', 'size: 50%, logical: true');
    const inside = planDisk(logical, emptyDisk(GIB)).partitions;
    expect(inside.map(({ sizeSectors }) => sizeSectors)).toEqual([
      1023 * 2048,
      510 * 2048,
      510 * 2048,
    ]);
  });

  test('a description of the very size of the disk fits, one sector less does not', () => {
    const spec = classic('linux 10\nextended 22\nlogical linux 10\nlogical linux 10');
    expect(planDisk(spec, emptyDisk(33 * MIB)).partitions).toHaveLength(4);
    expect(refusal(() => planDisk(spec, emptyDisk(33 * MIB - 512)))).toBe(
      'DiskTooSmall: sda has 34602496 bytes, but the description needs 34603008 bytes; make partitions smaller or use a larger disk',
    );
  });
});

describe('identities', () => {
  test('each plan has ids of its own', () => {
    const ids = (): unknown[] => {
      const plan = planDisk(gptSample(), emptyDisk(GIB));
      return [
        plan.tableId,
        ...plan.partitions.flatMap((p) => [p.partUuid, p.filesystem?.uuid ?? []]),
      ].flat();
    };
    const [one, two] = [ids(), ids()];
    expect(new Set([...one, ...two]).size).toBe(one.length + two.length);
  });

  test('vfat gets a volume id, msdos partitions the PARTUUID the kernel will give them', () => {
    const gpt = planDisk(gptSample(), emptyDisk(GIB));
    expect(gpt.partitions[1]?.filesystem?.uuid).toMatch(/^[0-9A-F]{4}-[0-9A-F]{4}$/);
    const msdos = planDisk(classic(sample), emptyDisk(GIB));
    expect(msdos.partitions.at(-1)?.partUuid).toBe(`${msdos.tableId.slice(2)}-06`);
  });
});

describe('refusals are one line that names the disk, the sizes and the way out', () => {
  const ref = (changes: Partial<GoldenRef>): { refs: Map<string, GoldenRef> } => ({
    refs: new Map([
      [goldenKey('sda', 1), { device: '/dev/sdg1', sizeBytes: GIB, sectorBytes: 512, ...changes }],
    ]),
  });
  const matching = (match: NonNullable<DiskSpec['match']>): DiskSpec => ({
    ...classic('linux fill'),
    match,
  });
  const cases: [string, () => unknown, string][] = [
    [
      'too small',
      () => planDisk(classic('linux 3500\nswap 1000'), emptyDisk(GIB, { device: '/dev/loop3' })),
      'DiskTooSmall: sda (/dev/loop3) has 1 GiB, but the description needs 4501 MiB; make partitions smaller or use a larger disk',
    ],
    [
      'too small for fixed sizes beside a fill',
      () => planDisk(classic('linux 1023\nextended fill\nlogical linux fill'), emptyDisk(GIB)),
      'DiskTooSmall: sda has 1 GiB, but the description needs 1026 MiB; make partitions smaller or use a larger disk',
    ],
    [
      'extended too small for percentages and sizes together',
      () =>
        planDisk(
          yaml(
            'msdos',
            'size: 50MiB, type: extended',
            'size: 90%, logical: true',
            'size: 40MiB, logical: true',
          ),
          emptyDisk(GIB),
        ),
      'DiskTooSmall: sda: the extended partition 1 has 50 MiB for its logical ones, which need 85 MiB (1 MiB more than their size each); enlarge it or make them smaller',
    ],
    [
      'in use',
      () =>
        planDisk(classic('linux fill'), emptyDisk(GIB, { inUse: ['/dev/sda1 is mounted on /'] })),
      'DiskInUse: sda is in use: /dev/sda1 is mounted on /; free it or choose another disk',
    ],
    [
      'read-only',
      () => planDisk(classic('linux fill'), emptyDisk(GIB, { readOnly: true })),
      'DiskReadOnly: sda is read-only; remove the write protection',
    ],
    [
      'another serial number',
      () => planDisk(matching({ serial: 'A' }), emptyDisk(GIB, { serial: 'B' })),
      'DiskMismatch: sda is not the disk described: serial is B, wanted A; correct match in the description or choose another disk',
    ],
    [
      'model, wwn and size bounds',
      () => planDisk(matching({ model: 'M', wwn: '0x5', minBytes: TIB }), emptyDisk(GIB)),
      'DiskMismatch: sda is not the disk described: model is unknown, wanted M, wwn is unknown, wanted 0x5, size is 1 GiB, wanted at least 1.00 TiB; correct match in the description or choose another disk',
    ],
    [
      'too large a disk',
      () => planDisk(matching({ maxBytes: MIB }), emptyDisk(GIB)),
      'DiskMismatch: sda is not the disk described: size is 1 GiB, wanted at most 1 MiB; correct match in the description or choose another disk',
    ],
    [
      'msdos beyond 2 TiB',
      () => planDisk(classic('linux fill'), emptyDisk(3 * TIB)),
      'MsdosTooLarge: sda: partition 1 would end beyond 2.00 TiB, where an msdos table ends (the disk has 3.00 TiB); use table gpt, or give sizes that end before',
    ],
    [
      'a raw copy from other sectors',
      () =>
        planDisk(
          yaml('gpt', 'size: 2GiB, content: raw'),
          emptyDisk(4 * GIB, { sectorBytes: 4096 }),
          ref({}),
        ),
      "SectorSizeMismatch: sda has sectors of 4096 bytes, the golden's /dev/sdg1 of 512; partition 1 cannot be copied raw: use content files, or another disk",
    ],
    [
      'a raw copy that does not fit what fill leaves',
      () => planDisk(yaml('gpt', 'size: fill, content: raw'), emptyDisk(GIB), ref({})),
      "PartitionTooSmall: partition 1 of sda has 1023 MiB, but of the golden's /dev/sdg1 its raw copy is 1 GiB; give it more space in the description",
    ],
    [
      'files that do not fit what fill leaves',
      () =>
        planDisk(
          yaml('gpt', 'size: fill, filesystem: ext4, mount: /'),
          emptyDisk(GIB),
          ref({ usedBytes: 2 * GIB }),
        ),
      "PartitionTooSmall: partition 1 (/) of sda has 1023 MiB, but of the golden's /dev/sdg1 its files take 2 GiB; give it more space in the description",
    ],
    [
      'something to keep on an empty disk',
      () => planDisk(yaml('gpt', 'content: keep'), emptyDisk(GIB)),
      'KeepMismatch: sda: partition 1 is to be kept, but the disk has no partition table, not gpt; correct the description or the disk',
    ],
  ];
  test.each(cases)('%s', (_, plan, expected) => {
    expect(refusal(plan)).toBe(expected);
  });

  test('4096-byte sectors let msdos reach 16 TiB', () => {
    const disk = emptyDisk(3 * TIB, { sectorBytes: 4096 });
    expect(planDisk(classic('linux fill'), disk).partitions).toHaveLength(1);
  });
});

describe('keeping partitions', () => {
  test('kept ones stay in place with their ids, new ones go around them', async () => {
    await using disks = await Disks.create();
    const device = await disks.file(500 * MIB);
    const before = await writeAndCompare(
      yaml(
        'msdos',
        'size: 100MiB',
        'size: 100MiB, type: ntfs, flags: [boot]',
        'size: 50MiB, logical: true',
        'size: 60MiB, logical: true',
        'size: 70MiB, logical: true',
      ),
      device,
    );
    const after = await writeAndCompare(
      yaml(
        'msdos',
        'size: 40MiB, number: 1',
        'size: 50MiB, number: 4',
        'content: keep, number: 2',
        'content: keep, number: 3, type: extended',
        'size: 30MiB, logical: true',
        'size: 60MiB, logical: true, content: keep',
        'size: fill, logical: true',
      ),
      device,
    );
    expect(after.keepsData).toBe(true);
    expect(after.tableId).toBe(before.tableId);
    const placed = (plan: DiskPlan, number: number): unknown => {
      const { startSector, sizeSectors, type, flags, partUuid } =
        plan.partitions.find((partition) => partition.number === number) ?? {};
      return { startSector, sizeSectors, type, flags, partUuid };
    };
    for (const number of [2, 3, 6]) expect(placed(after, number)).toEqual(placed(before, number));
  });

  test('a kept partition of another size, or a missing one, is refused', async () => {
    await using disks = await Disks.create();
    const device = await disks.file(100 * MIB);
    await writeAndCompare(yaml('gpt', 'size: 50MiB'), device);
    const facts = await probeDisk(device, 'sda');
    expect(refusal(() => planDisk(yaml('gpt', 'size: 20MiB, content: keep'), facts))).toContain(
      'partition 1 is to be kept, but it has 50 MiB, not 20 MiB',
    );
    expect(refusal(() => planDisk(yaml('gpt', 'number: 2, content: keep'), facts))).toContain(
      'partition 2 is to be kept, but the disk has no such partition',
    );
    expect(refusal(() => planDisk(yaml('msdos', 'content: keep'), facts))).toContain(
      'the disk has a table of kind gpt, not msdos',
    );
    expect(
      refusal(() =>
        planDisk(yaml('gpt', 'number: 2, size: 5MiB', 'number: 1, content: keep'), facts),
      ),
    ).toMatch(
      /^DiskTooSmall: .* has 0 bytes before the kept partition 1, but .* needs 5 MiB there/,
    );
  });
});

test('the printed plan covers every sector of the disk once', () => {
  for (const spec of [classic(sample), gptSample()]) {
    const plan = planDisk(spec, emptyDisk(GIB));
    const rows = describePlan(plan)
      .slice(1)
      .filter((row) => !row.includes('extended partition'));
    const ranges = rows.map((row) => (/(\d+) - +(\d+)/.exec(row) ?? []).slice(1).map(Number));
    let next = 0;
    for (const [start, end] of ranges) {
      expect(start).toBe(next);
      next = (end ?? 0) + 1;
    }
    expect(next).toBe(GIB / 512);
    expect(rows.join('\n')).toContain('linux');
    expect(planToSfdisk(plan).split('\n')).toHaveLength(plan.partitions.length + 5);
  }
});
