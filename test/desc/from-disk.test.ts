import { describe, expect, test } from '@jest/globals';
import { parseClassic } from '../../desc/classic.ts';
import { describeDisk } from '../../desc/from-disk.ts';
import type { Description, DiskSpec } from '../../desc/model.ts';
import { planDisk } from '../../desc/plan.ts';
import { probeDisk } from '../../desc/probe.ts';
import { MIB } from '../../desc/sizes.ts';
import { diskProblems } from '../../desc/structure.ts';
import { toClassic } from '../../desc/to-classic.ts';
import { toYaml } from '../../desc/to-yaml.ts';
import { parseYaml } from '../../desc/yaml.ts';
import { Disks } from './support/disks.ts';
import { refusal } from './support/errors.ts';
import { emptyDisk } from './support/facts.ts';
import { RandomDisks } from './support/random-disk.ts';
import { applyPlan, tableOfPlan, tableOnDisk } from './support/sfdisk-result.ts';

const only = ({ disks: [disk] }: Description): DiskSpec => {
  if (!disk) throw new Error('no disk');
  return disk;
};

const places = (plan: {
  partitions: { number: number; startSector: number; sizeSectors: number }[];
}): unknown =>
  plan.partitions.map(({ number, startSector, sizeSectors }) => [number, startSector, sizeSectors]);

describe('a described disk', () => {
  const text =
    '# sda\nlinux 100\nextended 213\nlogical swap 50\nlogical linux 160\nlogical typeFD 0';

  test('in classic reads as the file it was made from', async () => {
    await using disks = await Disks.create();
    const file = await disks.file(400 * MIB);
    const written = text.replace('logical typeFD 0', '').trimEnd();
    const spec = parseClassic(`${written}\ntype8E 20\n`, { file: 'desc', disk: 'sda' });
    await applyPlan(planDisk(spec, await probeDisk(file, 'sda')));
    const described = describeDisk(await probeDisk(file, 'sda'));
    // On the disk the last primary comes after the logical ones, and so it does in the text.
    expect(toClassic(described)).toBe(`${written}\ntype8E 20\n`);
    expect(toClassic(describeDisk(await probeDisk(file, 'sda'), { fillLast: true }))).toBe(
      `${written}\ntype8E fill\n`,
    );
  });

  test('with --fill, an extended partition at the end fills, and the last one in it', async () => {
    await using disks = await Disks.create();
    const file = await disks.file(400 * MIB);
    const spec = parseClassic('linux 10\nextended 100\nlogical swap 10\nlogical linux 50', {
      file: 'desc',
      disk: 'sda',
    });
    await applyPlan(planDisk(spec, await probeDisk(file, 'sda')));
    const described = describeDisk(await probeDisk(file, 'sda'), { fillLast: true });
    expect(toClassic(described)).toBe(
      '# sda\nlinux 10\nextended fill\nlogical swap 10\nlogical linux fill\n',
    );
  });

  test('says what to do with each partition', () => {
    const part = (number: number, type: string, filesystem?: string): object => ({
      number,
      device: `/dev/sda${number}`,
      startSector: 2048 * number,
      sizeSectors: 2048,
      type,
      flags: [],
      ...(filesystem ? { filesystem: { type: filesystem, label: 'x' } } : {}),
    });
    const facts = {
      ...emptyDisk(100 * MIB),
      table: 'msdos' as const,
      partitions: [
        part(1, '83', 'ext4'),
        part(2, '83', 'ext4'),
        part(3, '82', 'swap'),
        part(4, '07', 'ntfs'),
      ],
    };
    const described = describeDisk(facts as never, { mounts: new Map([[1, { mount: '/' }]]) });
    expect(described.partitions).toMatchObject([
      { content: 'files', mount: '/', filesystem: { type: 'ext4', label: 'x' } },
      { content: 'raw' },
      { content: 'empty', filesystem: { type: 'swap' } },
      { content: 'raw' },
    ]);
    expect(diskProblems(described)).toEqual([]);
  });

  test('what classic cannot say is refused with the reason', () => {
    const spec = only(
      parseYaml('disks: [{ name: sda, table: msdos, partitions: [{ size: 1MiB, number: 3 }] }]', {
        file: 'd',
      }),
    );
    expect(refusal(() => toClassic(spec))).toBe(
      'NotClassic: sda: partition 3 is not in the order of the numbers; use the YAML format',
    );
    expect(refusal(() => toClassic({ ...spec, table: 'gpt' }))).toContain('msdos tables only');
    expect(refusal(() => describeDisk(emptyDisk(MIB)))).toContain(
      'NoTable: /dev/sda has no partition table',
    );
  });
});

describe('random descriptions', () => {
  // A failing case is repeated by its seed, which is in the test's name.
  test.each(Array.from({ length: 60 }, (_, index) => index + 1))('seed %i', (seed) => {
    const random = new RandomDisks(seed);
    const spec = random.disk();
    const sectorBytes = random.pick([512, 4096]);
    const facts = emptyDisk(
      random.between(4000, 9000) * MIB + sectorBytes * random.between(0, 255),
      { sectorBytes },
    );
    expect(diskProblems(spec)).toEqual([]);
    const printed = toYaml({ disks: [spec], exclude: [], nodes: [] });
    expect(only(parseYaml(printed, { file: 'd.yaml' }))).toEqual(spec);

    const plan = planDisk(spec, facts);
    const total = Math.floor(facts.sizeBytes / sectorBytes);
    const align = MIB / sectorBytes;
    const extended = plan.partitions.find(({ role }) => role === 'extended');
    const outer = plan.partitions.filter(({ role }) => role !== 'logical');
    const inner = plan.partitions.filter(({ role }) => role === 'logical');
    const ends = { outer: total - (spec.table === 'gpt' ? 1 + 16384 / sectorBytes : 0) };
    for (const [level, first, end, gap] of [
      [outer, align, ends.outer, 0],
      [
        inner,
        extended?.startSector ?? 0,
        (extended?.startSector ?? 0) + (extended?.sizeSectors ?? 0),
        align,
      ],
    ] as const) {
      let cursor = first;
      for (const { number, startSector, sizeSectors } of level) {
        expect(startSector % align).toBe(0);
        expect(startSector).toBeGreaterThanOrEqual(cursor + gap);
        const { size } = spec.partitions.find((partition) => partition.number === number) ?? {};
        if (size?.kind === 'bytes') {
          expect(sizeSectors).toBe(Math.ceil(size.bytes / sectorBytes));
        }
        expect(sizeSectors).toBeGreaterThan(0);
        cursor = startSector + sizeSectors;
      }
      if (level.length > 0) expect(cursor).toBeLessThanOrEqual(end);
    }
  });

  test.each([101, 102, 103, 104, 105, 106])(
    'written, described, planned again for the same disk: the same places (seed %i)',
    async (seed) => {
      await using disks = await Disks.create();
      const random = new RandomDisks(seed);
      const sectorBytes = random.pick([512, 4096]);
      const bytes = random.between(4000, 9000) * MIB;
      const device =
        sectorBytes === 512 ? await disks.file(bytes) : await disks.loop(bytes, sectorBytes);
      const plan = planDisk(random.disk(), await probeDisk(device, 'sda'));
      await applyPlan(plan);
      expect(await tableOnDisk(plan.device)).toEqual(tableOfPlan(plan));

      const facts = await probeDisk(device, 'sda');
      const described = describeDisk(facts);
      expect(diskProblems(described)).toEqual([]);
      const yaml = toYaml({ disks: [described], exclude: [], nodes: [] });
      const again = planDisk(only(parseYaml(yaml, { file: 'd.yaml' })), facts);
      expect(places(again)).toEqual(places(plan));
    },
  );
});
