import { describe, expect, test } from '@jest/globals';
import { parseClassic } from '../../desc/classic.ts';
import { completeFromGolden } from '../../desc/complete.ts';
import type { PartitionFacts } from '../../desc/facts.ts';
import type { GoldenDisk } from '../../desc/golden-disk.ts';
import type { Description } from '../../desc/model.ts';
import { planDisk } from '../../desc/plan.ts';
import { GIB, MIB } from '../../desc/sizes.ts';
import { parseYaml } from '../../desc/yaml.ts';
import { refusal } from './support/errors.ts';
import { emptyDisk } from './support/facts.ts';

const partition = (
  number: number,
  type: string,
  filesystem?: PartitionFacts['filesystem'],
  flags: string[] = [],
): PartitionFacts => ({
  number,
  device: `/dev/sda${number}`,
  startSector: number * 2_000_000,
  sizeSectors: 1_000_000,
  type,
  flags,
  partUuid: `0badcafe-0${number}`,
  ...(filesystem ? { filesystem } : {}),
});

const golden: GoldenDisk = {
  ...emptyDisk(16 * GIB),
  table: 'msdos',
  partitions: [
    partition(1, '83', { type: 'ext4', uuid: 'root-uuid', label: 'root' }, ['boot']),
    partition(2, '05'),
    partition(5, '82', { type: 'swap', uuid: 'swap-uuid' }),
    partition(6, '83', { type: 'xfs', uuid: 'home-uuid' }),
    partition(7, '8E', { type: 'LVM2_member', uuid: 'pv-uuid' }),
  ],
  use: {
    1: { mount: '/', mountOptions: 'errors=remount-ro', usedBytes: 300 * MIB },
    6: { mount: '/home', usedBytes: 10 * MIB },
  },
};

const classic = (text: string): Description => ({
  disks: [parseClassic(text, { file: 'desc', disk: 'sda' })],
  exclude: [],
  nodes: [],
});

const yaml = (table: string, ...partitions: string[]): Description => {
  const lines = partitions.map((line) => `      - { ${line} }`).join('\n');
  return parseYaml(`disks:\n  - name: sda\n    table: ${table}\n    partitions:\n${lines}`, {
    file: 'd.yaml',
  });
};

describe('a classic description is completed from the golden', () => {
  const text = 'linux 400\nextended fill\nlogical swap 100\nlogical linux 100\nlogical linux fill';

  test('file systems, labels, mount points, options, boot flag and references', () => {
    const { description, refs, warnings } = completeFromGolden(classic(text), [golden]);
    expect(description.disks[0]?.partitions).toMatchObject([
      {
        filesystem: { type: 'ext4', label: 'root' },
        mount: '/',
        mountOptions: 'errors=remount-ro',
        flags: ['boot'],
        content: 'files',
      },
      { role: 'extended', content: 'empty', flags: [] },
      { filesystem: { type: 'swap' }, content: 'empty' },
      { filesystem: { type: 'xfs' }, mount: '/home', content: 'files', flags: [] },
      { content: 'empty' },
    ]);
    expect([...refs.keys()]).toEqual(['sda:1', 'sda:5', 'sda:6']);
    expect(refs.get('sda:1')).toEqual({
      device: '/dev/sda1',
      uuid: 'root-uuid',
      label: 'root',
      partUuid: '0badcafe-01',
      sizeBytes: 512_000_000,
      sectorBytes: 512,
      usedBytes: 300 * MIB,
    });
    expect(refs.get('sda:5')).toMatchObject({ device: '/dev/sda5', uuid: 'swap-uuid' });
    expect(warnings).toEqual([
      'partition 7 of sda will be empty, without file system: /dev/sda7 is not mounted on the golden',
    ]);
  });

  test('the plan names the golden partition each one replaces', () => {
    const { description, refs } = completeFromGolden(classic(text), [golden]);
    const [spec] = description.disks;
    if (!spec) throw new Error('no disk');
    const plan = planDisk(spec, emptyDisk(2 * GIB), { refs });
    expect(plan.partitions[0]).toMatchObject({
      flags: ['boot'],
      filesystem: { type: 'ext4', label: 'root' },
      golden: { device: '/dev/sda1', uuid: 'root-uuid', label: 'root', partUuid: '0badcafe-01' },
    });
    expect(plan.partitions[0]?.filesystem?.uuid).not.toBe('root-uuid');
    expect(plan.partitions[1]?.golden).toBeUndefined();
  });

  test('what the golden does not have is made empty, with a warning', () => {
    const { description, warnings } = completeFromGolden(
      classic('linux 400\nlinux 10\nlinux 10\ntype7 10'),
      [golden],
    );
    expect(description.disks[0]?.partitions[3]).toMatchObject({ content: 'empty' });
    expect(warnings).toContain(
      'partition 4 of sda will be empty, without file system: the golden has no such partition',
    );
  });

  test('what is mounted there with a file system nobody can make is refused, never left empty', () => {
    const [first, ...others] = golden.partitions;
    if (!first) throw new Error('no partition');
    const withRoot = (filesystem: PartitionFacts['filesystem']): GoldenDisk => ({
      ...golden,
      partitions: [{ ...first, filesystem }, ...others],
    });
    const complete = (disk: GoldenDisk) =>
      refusal(() =>
        completeFromGolden(classic('linux 400\nextended fill\nlogical swap 100'), [disk]),
      );
    expect(complete(withRoot({ type: 'f2fs' }))).toBe(
      'UnknownFilesystem: / of the golden (/dev/sda1) has a file system ka cannot make: f2fs; copy it byte by byte with -D, or leave it out with -X',
    );
    expect(complete(withRoot(undefined))).toContain('cannot make: none that is recognised;');
  });
});

describe('a YAML description', () => {
  test('on another layout finds its partitions by mount point, and swap by being swap', () => {
    const { description, refs, warnings } = completeFromGolden(
      yaml(
        'gpt',
        'size: 1MiB, type: bios-boot',
        'size: 500MiB, filesystem: xfs, mount: /home',
        'size: 100MiB, type: swap',
        'size: fill, filesystem: btrfs, mount: /',
      ),
      [golden],
    );
    expect(warnings).toEqual([]);
    expect([...refs].map(([key, { device }]) => [key, device])).toEqual([
      ['sda:2', '/dev/sda6'],
      ['sda:3', '/dev/sda5'],
      ['sda:4', '/dev/sda1'],
    ]);
    // Its own file system and no label of another type's.
    expect(description.disks[0]?.partitions[3]?.filesystem).toEqual({ type: 'btrfs', options: [] });
    expect(description.disks[0]?.partitions.flatMap(({ flags }) => flags)).toEqual([]);
  });

  test('files of a mount point that is a directory on the golden are taken from there', () => {
    const described = yaml('msdos', 'size: 1GiB, filesystem: ext4, mount: /srv');
    const { description, refs } = completeFromGolden(described, [golden]);
    expect(description.disks[0]?.partitions[0]).toMatchObject({ mount: '/srv', content: 'files' });
    expect(refs.size).toBe(0);
  });

  test('what it says is not overridden', () => {
    const described = yaml(
      'msdos',
      'size: 400MiB, filesystem: { type: ext4, label: mine }, mount: /, mountOptions: ro',
    );
    const { description } = completeFromGolden(described, [golden]);
    expect(description.disks[0]?.partitions[0]).toMatchObject({
      filesystem: { label: 'mine' },
      mountOptions: 'ro',
    });
  });
});

describe('refusals', () => {
  test.each([
    [
      'a size below what the files take',
      classic('linux 200'),
      "PartitionTooSmall: partition 1 (/) of sda has 200 MiB, but of the golden's /dev/sda1 its files take 300 MiB; give it more space in the description",
    ],
    [
      'a raw copy larger than its partition',
      yaml('msdos', 'size: 488MiB, content: raw'),
      "PartitionTooSmall: partition 1 of sda has 488 MiB, but of the golden's /dev/sda1 its raw copy is 488.3 MiB; give it more space in the description",
    ],
    [
      'a raw copy of a partition the golden does not have',
      yaml('msdos', 'number: 3, size: 1GiB, content: raw'),
      'NoGoldenPartition: partition 3 of sda wants a raw copy, but the golden has no partition 3 on sda; use another content, or correct the description',
    ],
    [
      'nothing at all to copy',
      classic('swap 100'),
      'NothingToCopy: no partition described for sda has files on the golden; check disk names and partition numbers',
    ],
  ])('%s', (_, description, expected) => {
    expect(refusal(() => completeFromGolden(description, [golden]))).toBe(expected);
  });
});
