import { describe, expect, test } from '@jest/globals';
import { ClonePlan } from '../../desc/clone-plan.ts';
import { planDisk } from '../../desc/plan.ts';
import { GIB, MIB } from '../../desc/sizes.ts';
import { parseYaml } from '../../desc/yaml.ts';
import { emptyDisk } from './support/facts.ts';

const goodPlan = (): ClonePlan => {
  const { disks } = parseYaml(
    `disks:
  - name: sda
    table: gpt
    partitions:
      - { size: 512MiB, filesystem: { type: vfat, label: EFI }, mount: /boot/efi, mountOptions: umask=0077 }
      - { size: 1GiB, type: swap }
      - { size: fill, name: system, flags: [required], filesystem: { type: ext4, options: [-m, "1"] }, mount: / }
`,
    { file: 'd.yaml' },
  );
  const golden = {
    device: '/dev/vda3',
    uuid: 'u',
    partUuid: 'deadbeef-03',
    label: 'root',
    sizeBytes: MIB,
    sectorBytes: 512,
  };
  return {
    hostname: 'node1.example.org',
    goldenHostname: 'my_golden',
    disks: disks.map((disk) =>
      planDisk(disk, emptyDisk(8 * GIB, { serial: 'S1' }), { refs: new Map([['sda:3', golden]]) }),
    ),
    streams: [
      { name: '/', kind: 'files', disk: 'sda', partition: 3, mount: '/', expectedBytes: 1 },
      { name: '/home', kind: 'files', disk: 'sda', partition: 3, mount: '/home' },
    ],
    mayBeCompressed: false,
    exclude: ['/var/cache', '/proc'],
    notRead: ['/mnt'],
    bootloader: {
      kind: 'grub',
      firmware: 'bios',
      disk: 'sda',
      initramfsModules: [],
      initramfsOptions: ['-v'],
    },
    bootCode: { sda: Buffer.alloc(446, 1).toString('base64') },
  };
};

type Path = (string | number)[];

const withAt = (value: unknown, [key, ...rest]: Path, wrong: unknown): unknown => {
  if (key === undefined) return wrong;
  if (Array.isArray(value)) {
    return value.map((each, index) => (index === key ? withAt(each, rest, wrong) : each));
  }
  const old = value as Record<string, unknown>;
  return { ...old, [key]: withAt(old[key], rest, wrong) };
};

describe('a plan from the network', () => {
  test('is taken as the golden makes it', () => {
    const plan = goodPlan();
    expect(ClonePlan.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  });

  const partition: Path = ['disks', 0, 'partitions', 2];
  const filesystem: Path = [...partition, 'filesystem'];
  const cases: [Path, ...unknown[]][] = [
    [['hostname'], '', 'a b', '../x', '-a', 'a'.repeat(64), 'a\nb', 5],
    [['goldenHostname'], '', 'a b', 'a\u001b[2J', 'a'.repeat(254)],
    [['disks', 0, 'name'], '', '../sda', '/dev/sda', 'dev/sda', 's a', 'sda\n'],
    [
      ['disks', 0, 'device'],
      '/etc/passwd',
      'sda',
      '/dev/../etc/passwd',
      '/dev/',
      '/dev/sda/',
      '/dev//sda',
      '/dev/s\nda',
    ],
    [['disks', 0, 'sizeBytes'], 0, -1, 2 ** 53, 1.5, Number.POSITIVE_INFINITY, '8'],
    [['disks', 0, 'sectorBytes'], 0, 1, 2 ** 20],
    [['disks', 0, 'tableId'], '', '0x1', 'x', '-o /etc/passwd', 'label: gpt\nstart=1'],
    [['disks', 0, 'table'], 'sun'],
    [
      ['disks', 0, 'partitions'],
      [],
      Array.from({ length: 129 }, () => goodPlan().disks[0]?.partitions[0]),
    ],
    [[...partition, 'number'], 0, -1, 129, 1.5],
    [[...partition, 'startSector'], 0, -1, 2 ** 53],
    [[...partition, 'sizeSectors'], 0, -1, 2 ** 60],
    [[...partition, 'type'], '', '83, bootable', 'linux', '83\n84'],
    [[...partition, 'name'], 'a\nb', 'a'.repeat(37), 'a\u009bb'],
    [[...partition, 'flags'], ['boot, start=1'], ['a"b'], Array.from({ length: 21 }, () => '48')],
    [[...partition, 'partUuid'], 'x', 'deadbeef-01\nstart=1'],
    [[...filesystem, 'type'], 'ntfs', 'ext4 -E', '../../bin/sh'],
    [[...filesystem, 'uuid'], '', 'random', '-n', '1234-56789'],
    [[...filesystem, 'label'], '', 'a\nb', 'x'.repeat(256)],
    [
      [...filesystem, 'options'],
      ['a\nb'],
      ['x'.repeat(501)],
      'ext4',
      Array.from({ length: 101 }, () => '-q'),
    ],
    [
      [...partition, 'mount'],
      '',
      'home',
      '/a/../b',
      '/a/',
      '//',
      '/a//b',
      '/./a',
      '/a\u0000b',
      `/${'a'.repeat(4095)}`,
    ],
    [[...partition, 'mountOptions'], '', 'a b', 'a\tb', 'a\nb'],
    [[...partition, 'content'], 'erase'],
    [[...partition, 'golden', 'device'], '/etc/shadow', 'UUID=x'],
    [[...partition, 'golden', 'label'], 'a\u001bb'],
    [['streams', 0, 'name'], '', 'a\nb'],
    [['streams', 0, 'disk'], '../sda'],
    [['streams', 0, 'partition'], 0, 129],
    [['streams', 0, 'mount'], '../../etc', '/..', '/etc/../..', 'etc'],
    [['streams', 0, 'expectedBytes'], -1, 1.5],
    [['exclude', 0], 'var', '/..', '/a/', ''],
    [['notRead', 0], 'mnt', '/mnt/..'],
    [['bootloader', 'disk'], '../sda', '/dev/sda'],
    [['bootloader', 'kind'], 'sh'],
    [['bootloader', 'initramfsOptions'], ['a\nb']],
    [['bootCode', 'sda'], 'not base64!', 'A'.repeat(704)],
    [['bootCode'], { '../x': '' }],
  ];

  test.each(cases.map(([path, ...wrongs]) => [path.join('.'), path, wrongs] as const))(
    'has no other values at %s',
    (_, path, wrongs) => {
      for (const wrong of wrongs) {
        const plan = withAt(goodPlan(), path, wrong);
        expect([wrong, ClonePlan.safeParse(plan).success]).toEqual([wrong, false]);
      }
    },
  );
});
