import { describe, expect, test } from '@jest/globals';
import type { DiskFacts } from '../../desc/facts.ts';
import { GIB } from '../../desc/sizes.ts';
import { parseYaml } from '../../desc/yaml.ts';
import { chooseDisks } from '../../golden/choose-disk.ts';
import { NamedError } from '../../system/named-error.ts';

const disk = (name: string, changes: Partial<DiskFacts> = {}): DiskFacts => ({
  name,
  device: `/dev/${name}`,
  sizeBytes: 100 * GIB,
  sectorBytes: 512,
  readOnly: false,
  removable: false,
  inUse: [],
  table: 'none',
  signatures: [],
  writtenByKa: false,
  partitions: [],
  ...changes,
});

const full: Partial<DiskFacts> = { table: 'gpt', signatures: ['gpt', 'PMBR'] };

const description = (match = '', ...more: string[]) => {
  const disks = ['sda', ...more].map(
    (name) =>
      `  - { name: ${name}, table: gpt, ${match} partitions: [{ size: 50GiB }, { size: fill }] }\n`,
  );
  return parseYaml(`disks:\n${disks.join('')}`, { file: 'd.yaml' });
};

/** "nvme0n1: why", or the refusal. */
const choice = (there: DiskFacts[], described = description()): string => {
  try {
    return chooseDisks(described, there, new Map())
      .map(({ facts, why }) => [facts.name, why].filter(Boolean).join(': '))
      .join(', ');
  } catch (error) {
    if (error instanceof NamedError) return `${error.code}: ${error.message}`;
    throw error;
  }
};

const TAKEN = 'nvme0n1: its nvme0n1 (blank) is taken as sda';

test('the disk of that name is taken, whatever else is there', () => {
  expect(choice([disk('nvme0n1'), disk('sda', full)])).toBe('sda');
});

describe('without a disk of that name the only one it fits on is taken', () => {
  test('when it is blank, or was written by ka', () => {
    expect(choice([disk('nvme0n1')])).toBe(TAKEN);
    expect(choice([disk('vda', { ...full, writtenByKa: true })])).toBe(
      'vda: its vda (written by ka) is taken as sda',
    );
  });

  test('and those too small, and removable ones, are not counted', () => {
    const others = [
      disk('vdb', { sizeBytes: 10 * GIB }),
      disk('stick', { removable: true, inUse: ['/dev/stick1 is mounted on /run/live/medium'] }),
    ];
    expect(choice([...others, disk('nvme0n1')])).toBe(TAKEN);
  });

  const cases: [string, DiskFacts[], string][] = [
    ['it has a table', [disk('nvme0n1', full)], 'nvme0n1: 100 GiB, not blank: gpt'],
    [
      'it has a file system without a table',
      [disk('nvme0n1', { signatures: ['ext4'] })],
      'nvme0n1: 100 GiB, not blank: ext4',
    ],
    [
      'it belongs to a raid',
      [disk('nvme0n1', { signatures: ['linux_raid_member'] })],
      'not blank: linux_raid_member',
    ],
    [
      'nobody looked what is on it',
      [{ ...disk('nvme0n1'), signatures: undefined }],
      'not blank: unknown',
    ],
    ['it is removable', [disk('sdb', { removable: true })], 'sdb: 100 GiB, removable'],
    [
      'it is not known whether it is removable',
      [{ ...disk('sdb'), removable: undefined }],
      'sdb: 100 GiB, perhaps removable',
    ],
    [
      'it is in use',
      [disk('nvme0n1', { inUse: ['/dev/nvme0n1p1 is part of md0'] })],
      'nvme0n1: 100 GiB, /dev/nvme0n1p1 is part of md0',
    ],
    ['it is read-only', [disk('nvme0n1', { readOnly: true })], 'nvme0n1: 100 GiB, read-only'],
    [
      'it fits on two, though one is blank',
      [disk('nvme0n1'), disk('nvme1n1', full)],
      'nvme0n1: 100 GiB, blank; nvme1n1: 100 GiB, not blank: gpt',
    ],
    [
      'it fits on none',
      [disk('vda', { sizeBytes: GIB })],
      'vda: 1 GiB, does not fit (DiskTooSmall)',
    ],
    ['there is none', [], 'but no disk at all;'],
  ];
  test.each(cases)('but not when %s: then the choice is named', (_, there, expected) => {
    const why = choice(there);
    expect(why).toMatch(/^NoSuchDisk: this node has no disk sda, but /);
    expect(why).toContain(expected);
    expect(why).toMatch(
      /; say which one with disk=sda:\w+ on its kernel line, ka agent --disk sda=\/dev\/\w+, or match in the description$/,
    );
  });

  test('not where several are described', () => {
    const two = description('', 'sdb');
    expect(choice([disk('sda'), disk('nvme0n1')], two)).toMatch(/^NoSuchDisk: .* no disk sdb/);
  });

  test('not for a partition that is to be kept: only a disk that has it fits', () => {
    const keeps = parseYaml(
      'disks: [{ name: sda, table: gpt, partitions: [{ content: keep }, { size: fill }] }]',
      { file: 'd.yaml' },
    );
    expect(choice([disk('nvme0n1')], keeps)).toMatch(/^NoSuchDisk/);
  });
});

describe('with match', () => {
  const serial = description('match: { serial: S1 },');

  test('the disk it names is taken, blank or not', () => {
    const there = [disk('nvme0n1', full), disk('nvme1n1', { ...full, serial: 'S1' })];
    expect(choice(there, serial)).toBe('nvme1n1: its nvme1n1 (as match says) is taken as sda');
  });

  test('none or two of them are refused', () => {
    expect(choice([disk('nvme0n1')], serial)).toMatch(/^NoSuchDisk/);
    const twins = [disk('vda', { model: 'M' }), disk('vdb', { model: 'M' })];
    expect(choice(twins, description('match: { model: M },'))).toMatch(/^NoSuchDisk/);
  });

  test('of sizes alone a disk with data is not taken', () => {
    const sizes = description('match: { minSize: 60GiB },');
    expect(choice([disk('nvme0n1', full)], sizes)).toMatch(/^NoSuchDisk/);
    expect(choice([disk('nvme0n1')], sizes)).toBe(TAKEN);
  });
});
