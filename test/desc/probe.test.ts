import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { showPartitions } from '../../demo/loop-disk.ts';
import { findMounts, mountTable } from '../../desc/disk-mounts.ts';
import { DiskFacts } from '../../desc/facts.ts';
import { mountLookup, parseFstab, parseMountinfo } from '../../desc/mounts.ts';
import { partitionDevice } from '../../desc/partition-device.ts';
import { probeDisk, probeDisks } from '../../desc/probe.ts';
import { MIB } from '../../desc/sizes.ts';
import { run } from '../../system/run.ts';
import { Disks } from './support/disks.ts';

const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

/** A disk with file systems inside it, made without the kernel's help: mkfs on a range of the file. */
const withFilesystems = async (disks: Disks): Promise<string> => {
  const file = await disks.file(400 * MIB);
  await run('sfdisk', [file], {
    input: `label: dos
label-id: 0x0badcafe
1 : start=2048, size=40960, type=83, bootable
2 : start=43008, size=700000, type=f
5 : start=45056, size=40960, type=82
6 : start=88064, size=122880, type=c
7 : start=212992, size=20480, type=8e
`,
  });
  const format = async (startSector: number, sectors: number, command: string[]): Promise<void> => {
    const part = await disks.file(sectors * 512, `part-${startSector}`);
    const [tool = '', ...args] = command;
    await run(tool, [...args, part]);
    await run('dd', [
      `if=${part}`,
      `of=${file}`,
      'bs=512',
      `seek=${startSector}`,
      'conv=notrunc,sparse',
    ]);
  };
  await format(2048, 40960, [
    'mkfs.ext4',
    '-q',
    '-L',
    'my "root" é',
    '-U',
    '12345678-1234-4234-8234-123456789abc',
  ]);
  await format(45056, 40960, ['mkswap', '-L', 'sw']);
  await format(88064, 122880, ['mkfs.vfat', '-i', 'ABCD1234', '-n', 'EFI']);
  return file;
};

const expectedPartitions = (disk: string): unknown => [
  {
    number: 1,
    device: partitionDevice(disk, 1),
    startSector: 2048,
    sizeSectors: 40960,
    type: '83',
    flags: ['boot'],
    partUuid: '0badcafe-01',
    filesystem: {
      type: 'ext4',
      label: 'my "root" é',
      uuid: '12345678-1234-4234-8234-123456789abc',
    },
  },
  {
    number: 2,
    device: partitionDevice(disk, 2),
    startSector: 43008,
    sizeSectors: 700000,
    type: '0F',
    flags: [],
    partUuid: '0badcafe-02',
  },
  { number: 5, filesystem: { type: 'swap', label: 'sw' } },
  { number: 6, type: '0C', filesystem: { type: 'vfat', label: 'EFI', uuid: 'ABCD-1234' } },
  { number: 7, type: '8E' },
];

describe('probing', () => {
  test('an image file: table, flags and file systems, with no kernel or udev', async () => {
    await using disks = await Disks.create();
    const file = await withFilesystems(disks);
    const facts = await probeDisk(file, 'sda');
    expect(DiskFacts.parse(facts)).toEqual(facts);
    expect(facts).toMatchObject({
      name: 'sda',
      device: file,
      sizeBytes: 400 * MIB,
      sectorBytes: 512,
      readOnly: false,
      inUse: [],
      table: 'msdos',
      tableId: '0x0badcafe',
      partitions: expectedPartitions(file),
    });
    expect(facts.partitions.at(-1)?.filesystem).toBeUndefined();
  });

  test('a loop device over the same bytes says the same, with p names', async () => {
    await using disks = await Disks.create();
    const file = await withFilesystems(disks);
    const loop = await disks.loop(400 * MIB);
    await run('dd', [`if=${file}`, `of=${loop}`, 'bs=1M', 'conv=sparse']);
    const facts = await probeDisk(loop);
    expect(facts).toMatchObject({
      name: loop.slice(5),
      partitions: expectedPartitions(loop),
      inUse: [],
    });
    expect(facts.partitions[0]?.device).toBe(`${loop}p1`);
  });

  test('gpt with 4096-byte sectors: names, attributes, GUIDs', async () => {
    await using disks = await Disks.create();
    const loop = await disks.loop(200 * MIB, 4096);
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', loop], {
      input: `label: gpt
3 : start=256, size=1000, type=${LINUX}, uuid=AAAAAAAA-2222-3333-4444-555555555555, name="a \\"b", attrs="RequiredPartition,GUID:48,63"
`.replace('\\"', '\\x22'),
    });
    expect(await probeDisk(loop)).toMatchObject({
      sectorBytes: 4096,
      sizeBytes: 200 * MIB,
      table: 'gpt',
      partitions: [
        {
          number: 3,
          startSector: 256,
          sizeSectors: 1000,
          type: LINUX,
          name: 'a "b',
          flags: ['RequiredPartition', '48', '63'],
          partUuid: 'aaaaaaaa-2222-3333-4444-555555555555',
        },
      ],
    });
  });

  test('what was made on a partition since is seen, though the disk has old bytes in its cache', async () => {
    await using disks = await Disks.create();
    const loop = await disks.loop(200 * MIB);
    const input = 'label: gpt\nsize=50MiB\nsize=50MiB\nsize=50MiB\n';
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', loop], { input });
    await showPartitions(loop);
    await run('mkfs.ext4', ['-q', `${loop}p1`]);
    // A mounted partition, as on every running machine, keeps the disk's cache alive.
    await disks.mount(`${loop}p1`);
    expect((await probeDisk(loop)).partitions.map(({ filesystem }) => filesystem?.type)).toEqual([
      'ext4',
      undefined,
      undefined,
    ]);
    await run('mkfs.ext2', ['-q', `${loop}p2`]);
    await disks.mount(`${loop}p2`);
    await run('mkswap', ['-q', `${loop}p3`]);
    expect((await probeDisk(loop)).partitions.map(({ filesystem }) => filesystem?.type)).toEqual([
      'ext4',
      'ext2',
      'swap',
    ]);
  });

  test('a partition the kernel has at another place is read where the table has it', async () => {
    await using disks = await Disks.create();
    const loop = await disks.loop(200 * MIB);
    const sfdisk = (input: string) =>
      run('sfdisk', ['--no-reread', '--no-tell-kernel', '--wipe', 'never', loop], { input });
    await sfdisk('label: dos\n2048,40960\n');
    await showPartitions(loop);
    await run('mkfs.ext4', ['-q', `${loop}p1`]);
    await sfdisk('label: dos\n43008,40960\n');
    expect((await probeDisk(loop)).partitions).toMatchObject([{ startSector: 43008 }]);
    expect((await probeDisk(loop)).partitions[0]?.filesystem).toBeUndefined();
  });

  test('signatures of the disk as a whole, and whether it can be pulled out', async () => {
    await using disks = await Disks.create();
    const loop = await disks.loop(200 * MIB);
    expect(await probeDisk(loop)).toMatchObject({
      signatures: [],
      removable: false,
      writtenByKa: false,
    });
    await run('mkfs.ext4', ['-q', loop]);
    expect((await probeDisk(loop)).signatures).toEqual(['ext4']);
    await run('wipefs', ['--all', '--quiet', loop]);
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', loop], { input: 'label: gpt\n' });
    expect((await probeDisk(loop)).signatures?.toSorted()).toEqual(['PMBR', 'gpt']);
    const file = await disks.file(50 * MIB);
    const facts = await probeDisk(file);
    expect(facts.signatures).toEqual([]);
    expect(facts.removable).toBeUndefined();
  });

  test('an empty disk has no table; another kind of table is not taken for ours', async () => {
    await using disks = await Disks.create();
    const file = await disks.file(50 * MIB);
    expect(await probeDisk(file)).toMatchObject({ table: 'none', partitions: [] });
    await run('sfdisk', [file], { input: 'label: sun\n' });
    expect(await probeDisk(file)).toMatchObject({ table: 'other', partitions: [] });
  });

  test('nothing there, a folder and a partition are refused by name', async () => {
    await using disks = await Disks.create();
    await expect(probeDisk('/dev/nosuchdisk')).rejects.toThrow(
      /^no disk \/dev\/nosuchdisk: ENOENT/,
    );
    await expect(probeDisk('/dev')).rejects.toThrow(
      '/dev is neither a block device nor an image file',
    );
    const loop = await disks.loop(50 * MIB);
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', loop], { input: '2048 2048 83\n' });
    await showPartitions(loop);
    await expect(probeDisk(`${loop}p1`)).rejects.toThrow('is a partition; give the whole disk');
  });

  test('all disks of this machine: the one it runs from is in use', async () => {
    const facts = await probeDisks();
    for (const disk of facts) expect(DiskFacts.parse(disk)).toEqual(disk);
    expect(
      facts.map(({ name }) => name).filter((name) => /^(loop|ram|zram|sr|md|dm)/.test(name)),
    ).toEqual([]);
    const { stdout } = await run('findmnt', ['--noheadings', '--output', 'SOURCE', '/']);
    const root = facts.find(({ device }) => stdout.startsWith(device));
    if (root) expect(root.inUse.join()).toContain('mounted on / (this machine runs from it)');
  });
});

describe('a disk in use is seen as such', () => {
  const formatted = async (disks: Disks, extra: readonly string[] = []): Promise<string> => {
    const loop = await disks.loop(100 * MIB, 512, extra);
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', loop], { input: '2048 100000 83\n' });
    await showPartitions(loop);
    return loop;
  };

  test('a mounted partition', async () => {
    await using disks = await Disks.create();
    const loop = await formatted(disks);
    await run('mkfs.ext4', ['-q', `${loop}p1`]);
    expect((await probeDisk(loop)).inUse).toEqual([]);
    const point = await disks.mount(`${loop}p1`);
    const facts = await probeDisk(loop);
    expect(facts.inUse).toEqual([`${loop}p1 is mounted on ${point}`]);
    const found = await findMounts([{ facts, named: false }]);
    expect(mountTable(found, facts).get(1)).toEqual({ mount: point });
  });

  test('a partition behind another loop device', async () => {
    await using disks = await Disks.create();
    const loop = await formatted(disks);
    const { stdout } = await run('losetup', ['--find', '--show', `${loop}p1`]);
    const above = stdout.trim();
    const { inUse } = await probeDisk(loop);
    await run('losetup', ['--detach', above]);
    expect(inUse).toEqual([`${loop}p1 is attached to ${above}`]);
  });

  test('btrfs, whose mounts have a device number of their own', async () => {
    await using disks = await Disks.create();
    const loop = await disks.loop(200 * MIB);
    await run('mkfs.btrfs', ['-q', loop]);
    const point = await disks.mount(loop);
    expect((await probeDisk(loop)).inUse).toEqual([`${loop} is mounted on ${point}`]);
  });

  test('held by a process of another mount namespace', async () => {
    await using disks = await Disks.create();
    const loop = await formatted(disks);
    await run('mkfs.ext4', ['-q', `${loop}p1`]);
    const ready = `${disks.folder}/ready`;
    await run('mkfifo', [ready]);
    const controller = new AbortController();
    const script = 'mount "$1" /mnt && echo > "$2" && exec sleep 60';
    const holder = run('unshare', ['--mount', 'sh', '-c', script, 'sh', `${loop}p1`, ready], {
      signal: controller.signal,
    });
    const ended = expect(holder).rejects.toMatchObject({ code: 'Aborted' });
    await readFile(ready);
    expect((await probeDisk(loop)).inUse).toEqual([
      `${loop} is held by another process or mounted in another namespace`,
    ]);
    controller.abort();
    await ended;
  });

  test('a read-only device, and an image file behind a loop device', async () => {
    await using disks = await Disks.create();
    const loop = await disks.loop(50 * MIB, 512, ['--read-only']);
    expect((await probeDisk(loop)).readOnly).toBe(true);
    const { stdout } = await run('losetup', ['--noheadings', '--output', 'BACK-FILE', loop]);
    const file = stdout.trim();
    expect((await probeDisk(file)).inUse).toEqual([`${file} is attached to ${loop}`]);
  });
});

test('partition names follow the kernel for every kind of disk', () => {
  expect(
    ['/dev/sda', '/dev/nvme0n1', '/dev/mmcblk0', '/dev/loop0', '/dev/cciss/c0d0', '/dev/vdb'].map(
      (disk) => partitionDevice(disk, 2),
    ),
  ).toEqual([
    '/dev/sda2',
    '/dev/nvme0n1p2',
    '/dev/mmcblk0p2',
    '/dev/loop0p2',
    '/dev/cciss/c0d0p2',
    '/dev/vdb2',
  ]);
});

test('mount tables: escaped blanks, optional fields, quotes and comments', async () => {
  const line = '36 35 8:1 / /mnt/a\\040b rw,noatime shared:1 master:2 - ext4 /dev/sda1 rw';
  expect(parseMountinfo(`${line}\n`)).toEqual([
    {
      id: 36,
      parent: 35,
      majorMinor: '8:1',
      root: '/',
      mount: '/mnt/a b',
      options: 'rw,noatime',
      type: 'ext4',
      source: '/dev/sda1',
      superOptions: 'rw',
    },
  ]);
  expect(parseFstab('# c\n\nUUID="ab-cd" /a\\040b ext4\n/dev/sda2 none swap sw 0 0\n')).toEqual([
    { source: 'UUID=ab-cd', mount: '/a b', type: 'ext4', options: 'defaults' },
    { source: '/dev/sda2', mount: 'none', type: 'swap', options: 'sw' },
  ]);
});

describe('what one sees at a path', () => {
  /** `ID PARENT ROOT MOUNT`, each of a device named after its ID. */
  const look = (...lines: string[]) => {
    const mounts = parseMountinfo(
      lines
        .map((line) => {
          const [id, parent, root, mount] = line.split(' ');
          return `${id} ${parent} 8:${id} ${root} ${mount} rw - ext4 /dev/sd${id} rw\n`;
        })
        .join(''),
    );
    const lookup = mountLookup(mounts);
    return (path: string) => lookup(path)?.id;
  };

  test('is the last mount on it, or on the nearest directory above', () => {
    const at = look('1 0 / /', '2 1 / /home', '3 2 / /home', '4 3 / /home/a\\040b');
    expect(['/', '/etc', '/home', '/home/x', '/home/a b/c', '/homes'].map(at)).toEqual([
      1, 1, 3, 3, 4, 1,
    ]);
  });

  test('is not what a later mount further up has covered', () => {
    const at = look('1 0 / /', '2 1 / /mnt/deep', '3 1 / /mnt');
    expect(['/mnt', '/mnt/deep'].map(at)).toEqual([3, 3]);
    const bothWays = look('1 0 / /', '3 1 / /mnt', '2 3 / /mnt/deep');
    expect(['/mnt', '/mnt/deep'].map(bothWays)).toEqual([3, 2]);
  });

  test('is the upper of two on the root itself', () => {
    const at = look('1 0 / /', '2 1 / /', '3 2 / /home', '4 1 / /srv');
    expect(['/', '/home', '/srv'].map(at)).toEqual([2, 3, 2]);
  });
});

test('a table sfdisk complains of before it prints it names its disk', async () => {
  await using disks = await Disks.create();
  const file = await withFilesystems(disks);
  // The mark at the end of the first logical partition's own table.
  const at = 43_008 * 512 + 510;
  await run('dd', ['if=/dev/zero', `of=${file}`, 'bs=1', `seek=${at}`, 'count=2', 'conv=notrunc']);
  await expect(probeDisk(file)).rejects.toMatchObject({
    code: 'TableUnreadable',
    message: expect.stringContaining(file),
  });
});
