import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { run } from '../../system/run.ts';
import { GoldenBench, MIB, section, streamsOf, warningsOf } from './support/golden-bench.ts';

const ONE = 'label: gpt\nsize=40M\n';

const ext4 = (device: string) => run('mkfs.ext4', ['-q', device]);

/** A golden of one ext4 on `/`. */
const onExt4 = async (bench: GoldenBench): Promise<string> => {
  const disk = await bench.disk(64 * MIB, ONE);
  await ext4(`${disk}p1`);
  await bench.mount(`${disk}p1`, '/');
  return disk;
};

/** A golden whose / is the subvolume @, and /home the subvolume @home of one partition. */
const onBtrfs = async (bench: GoldenBench): Promise<string> => {
  const disk = await bench.disk(300 * MIB, 'label: gpt\nsize=256M\n');
  const device = `${disk}p1`;
  await run('mkfs.btrfs', ['-q', device]);
  await bench.mount(device, '/');
  for (const name of ['@', '@home']) {
    await run('btrfs', ['subvolume', 'create', join(bench.root, name)]);
  }
  await bench.unmount();
  await bench.mount(device, '/', '-o', 'subvol=@');
  await bench.mount(device, '/home', '-o', 'subvol=@home');
  return disk;
};

const subvolume = async (bench: GoldenBench, path: string): Promise<void> => {
  await mkdir(join(bench.root, path, '..'), { recursive: true });
  await run('btrfs', ['subvolume', 'create', join(bench.root, path)]);
};

const DESC_OF_ROOT = `disks:
  - name: sda
    table: gpt
    partitions: [{ size: fill, filesystem: ext4, mount: / }]
`;

describe('one device that is mounted several times', () => {
  test('a second mount of the whole file system: the root counts, the other is named', async () => {
    await using bench = await GoldenBench.create();
    const disk = await onExt4(bench);
    await bench.mount(`${disk}p1`, '/mnt');
    const blueprint = await bench.plan();
    expect(streamsOf(blueprint)).toEqual(['/ → disk 1']);
    expect(section(blueprint, 'Not copied:')).toEqual([
      '/mnt: the same file system as /, not copied a second time',
    ]);
  });

  test('of two that are not the root the one in fstab counts, otherwise the shorter', async () => {
    await using bench = await GoldenBench.create();
    await onExt4(bench);
    const data = await bench.disk(64 * MIB, ONE);
    await ext4(`${data}p1`);
    await bench.mount(`${data}p1`, '/srv/long');
    await bench.mount(`${data}p1`, '/s');
    expect(streamsOf(await bench.plan())).toEqual(['/ → disk 1', '/s → disk 1']);
    await bench.write('etc/fstab', `LABEL=data /srv/long ext4 defaults 0 0\n`);
    const blueprint = await bench.plan();
    expect(streamsOf(blueprint)).toEqual(['/ → disk 1', '/srv/long → disk 1']);
    expect(section(blueprint, 'Not copied:')).toEqual([
      '/s: the same file system as /srv/long, not copied a second time',
    ]);
  });

  test('a directory bound to another place is not copied there; nothing is read through it', async () => {
    await using bench = await GoldenBench.create();
    await onExt4(bench);
    await bench.write('data/www/page', 'x');
    await bench.mount(join(bench.root, 'data/www'), '/srv/www', '--bind');
    const blueprint = await bench.plan();
    expect(streamsOf(blueprint)).toEqual(['/ → disk 1']);
    expect(section(blueprint, 'Not copied:')).toEqual([
      '/srv/www: the directory /data/www of the file system on /, not copied a second time',
    ]);
    const [source] = blueprint.sources;
    const read: Buffer[] = [];
    const memory = Buffer.alloc(MIB);
    await source
      ?.open({ encoding: 'identity', signal: new AbortController().signal, log: () => undefined })
      .pour({
        space: () => memory,
        filled: async (bytes) => void read.push(Buffer.from(memory.subarray(0, bytes))),
      });
    const { stdout } = await run('tar', [
      '--list',
      '--file',
      await bench.file('tar', Buffer.concat(read)),
    ]);
    expect(
      stdout
        .split('\n')
        .filter((name) => name.includes('www'))
        .sort(),
    ).toEqual(['./data/www/', './data/www/page', './srv/www/']);
  });

  test('but where the description wants files there, they come', async () => {
    await using bench = await GoldenBench.create();
    await onExt4(bench);
    await bench.write('data/www/page', 'x');
    await bench.mount(join(bench.root, 'data/www'), '/srv/www', '--bind');
    const text = DESC_OF_ROOT.replace(
      '{ size: fill',
      '{ size: 20MiB, filesystem: ext4, mount: /srv/www }, { size: fill',
    );
    const blueprint = await bench.plan({
      descriptions: [['sda', await bench.file('d.yaml', text)]],
    });
    expect(blueprint.sources.map(({ plan }) => plan.mount)).toEqual(['/', '/srv/www']);
    expect(section(blueprint, 'Not copied:')).toEqual([]);
  });

  test('a file bound over another is no mount to speak of; an odd name cannot be planned for', async () => {
    await using bench = await GoldenBench.create();
    const disk = await onExt4(bench);
    await bench.write('etc/one', 'one');
    await bench.write('etc/two', 'two');
    const [one, two] = [join(bench.root, 'etc/one'), join(bench.root, 'etc/two')];
    await run('mount', ['--bind', one, two]);
    const blueprint = await bench.plan().finally(() => run('umount', [two]));
    expect(section(blueprint, 'Not copied:')).toEqual([]);
    expect(blueprint.summary.join('\n')).not.toContain('/etc/two');
    await bench.mount(`${disk}p1`, '/a\u001bb');
    expect(await bench.refusal()).toBe(
      'OddMountPoint: the golden has a file system mounted a second time on "/a\\u001bb", which no plan can say; unmount it',
    );
  });

  test('a name that is not UTF-8 cannot be looked at: it is refused', async () => {
    await using bench = await GoldenBench.create();
    const disk = await onExt4(bench);
    const script = 'd=$(printf "%s/caf\\351" "$1") && mkdir "$d" && mount "$2" "$d"';
    await run('bash', ['-c', script, 'bash', bench.root, `${disk}p1`]);
    try {
      expect(await bench.refusal()).toMatch(
        /^OddMountPoint: .* whose name is not UTF-8; unmount it/,
      );
    } finally {
      await run('bash', ['-c', 'umount "$(printf "%s/caf\\351" "$1")"', 'bash', bench.root]);
    }
  });

  test('what a later mount covers is not there', async () => {
    await using bench = await GoldenBench.create();
    await onExt4(bench);
    const [hidden, above] = [await bench.disk(64 * MIB, ONE), await bench.disk(64 * MIB, ONE)];
    for (const disk of [hidden, above]) await ext4(`${disk}p1`);
    await bench.mount(`${hidden}p1`, '/data/deep');
    await bench.mount(`${above}p1`, '/data');
    expect(streamsOf(await bench.plan())).toEqual(['/ → disk 1', '/data → disk 1']);
  });
});

describe('btrfs', () => {
  test('subvolumes without a partition of their own go to the one they are on', async () => {
    await using bench = await GoldenBench.create();
    await onBtrfs(bench);
    const blueprint = await bench.plan();
    expect(streamsOf(blueprint)).toEqual(['/ → disk 1', '/home → disk 1']);
    expect(blueprint.settleTrees.map(({ mount }) => mount)).toEqual(['/', '/home']);
    expect(section(blueprint, 'Not copied:')).toEqual([]);
    expect(warningsOf(blueprint)).toEqual([]);
  });

  test('so do those nobody mounted; snapshots and what is in them are named and left out', async () => {
    await using bench = await GoldenBench.create();
    await onBtrfs(bench);
    await subvolume(bench, 'var/lib/machines');
    await subvolume(bench, 'home/user');
    await subvolume(bench, 'home/user/deep er');
    for (const name of ['1', '2']) {
      await mkdir(join(bench.root, '.snapshots'), { recursive: true });
      await run('btrfs', [
        'subvolume',
        'snapshot',
        bench.root,
        join(bench.root, '.snapshots', name),
      ]);
    }
    await subvolume(bench, '.snapshots/1/inner');
    const blueprint = await bench.plan();
    expect(streamsOf(blueprint)).toEqual([
      '/ → disk 1',
      '/home → disk 1',
      '/home/user → disk 1',
      '/home/user/deep er → disk 1',
      '/var/lib/machines → disk 1',
    ]);
    expect(section(blueprint, 'Not copied:')).toEqual([
      '/.snapshots/1: a btrfs snapshot',
      '/.snapshots/1/inner: a btrfs snapshot',
      '/.snapshots/2: a btrfs snapshot',
    ]);
    // In a directory that stays out they have no place.
    const without = await bench.plan({ exclude: ['/var/lib', '/home/user/'] });
    expect(streamsOf(without)).toEqual(['/ → disk 1', '/home → disk 1']);
  });

  test('the top level, mounted beside its subvolumes, brings none of them a second time', async () => {
    await using bench = await GoldenBench.create();
    const disk = await onBtrfs(bench);
    await bench.mount(`${disk}p1`, '/mnt/top', '-o', 'subvolid=5');
    await bench.mount(`${disk}p1`, '/mnt/home', '-o', 'subvol=@home');
    await bench.mount(join(bench.root, 'home'), '/srv/homes', '--bind');
    const blueprint = await bench.plan();
    expect(streamsOf(blueprint)).toEqual(['/ → disk 1', '/home → disk 1', '/mnt/top → disk 1']);
    expect(section(blueprint, 'Not copied:')).toEqual([
      '/mnt/home: the same file system as /home, not copied a second time',
      '/srv/homes: the same file system as /home, not copied a second time',
    ]);
  });

  test('subvolumes of a file system that is left out, or copied byte by byte, are so, too', async () => {
    await using bench = await GoldenBench.create();
    const disk = await bench.disk(400 * MIB, 'label: gpt\nsize=64M\nsize=256M\n');
    await ext4(`${disk}p1`);
    await bench.mount(`${disk}p1`, '/');
    await run('mkfs.btrfs', ['-q', `${disk}p2`]);
    await bench.mount(`${disk}p2`, '/home');
    await subvolume(bench, 'home/alice');
    expect(streamsOf(await bench.plan())).toEqual([
      '/ → disk 1',
      '/home → disk 2',
      '/home/alice → disk 2',
    ]);
    const without = await bench.plan({ skipDevices: basename(`${disk}p2`) });
    expect(streamsOf(without)).toEqual(['/ → disk 1']);
    const raw = await bench.plan({ rawPartitions: [basename(`${disk}p2`)] });
    expect(streamsOf(raw).filter((line) => line.includes('alice'))).toEqual([]);
  });

  test('a description may give a subvolume its own partition, or none of its files', async () => {
    await using bench = await GoldenBench.create();
    await onBtrfs(bench);
    await subvolume(bench, 'home/user');
    const own = DESC_OF_ROOT.replace(
      '{ size: fill',
      '{ size: 20MiB, filesystem: ext4, mount: /home }, { size: fill',
    );
    const plan = async (text: string) =>
      streamsOf(await bench.plan({ descriptions: [['sda', await bench.file('d.yaml', text)]] }));
    expect(await plan(own)).toEqual(['/ → sda 2', '/home → sda 1', '/home/user → sda 1']);
    expect(await plan(own.replace('mount: /home }', 'mount: /home, content: empty }'))).toEqual([
      '/ → sda 2',
    ]);
  });

  test('a system in a subvolume cannot be copied byte by byte', async () => {
    await using bench = await GoldenBench.create();
    const disk = await onBtrfs(bench);
    const name = `${disk.slice(5)}p1`;
    expect(await bench.refusal({ rawPartitions: [name] })).toBe(
      `RawSubvolume: / of the golden is the btrfs subvolume /@ of ${disk}p1, which ka cannot copy byte by byte; copy its files (leave out -D)`,
    );
  });

  test('on two disks it is refused', async () => {
    await using bench = await GoldenBench.create();
    await onExt4(bench);
    const [one, two] = [
      await bench.disk(200 * MIB, 'label: gpt\nsize=180M\n'),
      await bench.disk(200 * MIB, 'label: gpt\nsize=180M\n'),
    ];
    await run('mkfs.btrfs', ['-q', `${one}p1`, `${two}p1`]);
    await bench.mount(`${one}p1`, '/data');
    expect(await bench.refusal()).toMatch(
      /^NoDescription: \/data of the golden is a btrfs on several devices \(loop\d+p1, loop\d+p1\), so its disk cannot be described; leave it out with -X 'loop\d+p1\$', or give a description with -p DRIVE FILE$/,
    );
    const left = await bench.plan({ skipDevices: 'loop\\d+p1$'.replace('loop\\d+', one.slice(5)) });
    expect(streamsOf(left)).toEqual(['/ → disk 1']);
    expect(section(left, 'Not copied:')).toEqual([`/data: left out by -X (${one}p1, btrfs)`]);
  });
});

describe('a golden that cannot be described is refused, and what is in the way named', () => {
  test('its / is a file system on a whole disk', async () => {
    await using bench = await GoldenBench.create();
    const disk = await bench.disk(64 * MIB);
    await ext4(disk);
    await bench.mount(disk, '/');
    expect(await bench.refusal()).toBe(
      `NoDescription: / of the golden is a file system on the whole of ${disk}, which has no partition table, so its disk cannot be described; give a description with -p DRIVE FILE`,
    );
    const file = await bench.file('d.yaml', DESC_OF_ROOT);
    expect(streamsOf(await bench.plan({ descriptions: [['sda', file]] }))).toEqual(['/ → sda 1']);
    // A disk with something else on it does not stand for it.
    const data = await bench.disk(64 * MIB, ONE);
    await ext4(`${data}p1`);
    await bench.mount(`${data}p1`, '/data');
    const classic = await bench.file('desc', 'linux fill\n');
    expect(await bench.refusal({ descriptions: [['sda', classic]] })).toBe(
      `NoDescription: / of the golden is a file system on the whole of ${disk}, which has no partition table, so the description must say by itself where its files go: write it in YAML, with mount: /`,
    );
  });

  test('its / is on no partition, and a classic description is for the disk it starts from', async () => {
    await using bench = await GoldenBench.create();
    const volume = await bench.disk(64 * MIB);
    await ext4(volume);
    await bench.mount(volume, '/');
    const disk = await bench.disk(128 * MIB, 'label: dos\nsize=40M\nsize=40M\n');
    for (const number of [1, 2]) await ext4(`${disk}p${number}`);
    await bench.mount(`${disk}p1`, '/boot');
    const name = disk.slice(5);
    const descriptions = [[name, await bench.file('desc', 'linux 40\nlinux 40\n')]] as const;
    expect(await bench.refusal({ descriptions })).toContain(
      `NoDescription: / of the golden is a file system on the whole of ${volume}, which has no partition table, so the description must say`,
    );
    await bench.unmount();
    await bench.mount(volume, '/');
    await bench.mount(`${disk}p1`, '/data');
    expect(streamsOf(await bench.plan({ descriptions }))).toEqual(['/data → disk 1']);
  });

  test('its / is not of a block device, or a part of a file system, or only a directory', async () => {
    await using bench = await GoldenBench.create();
    expect(await bench.refusal()).toBe(
      'NoDescription: /root is not on a disk of its own, so its disk cannot be described; give a description with -p DRIVE FILE',
    );
    await bench.mount('tmpfs', '/', '-t', 'tmpfs');
    expect(await bench.refusal()).toMatch(
      /^NoDescription: \/ of the golden is tmpfs \(tmpfs\), so/,
    );
    await bench.unmount();
    const disk = await onExt4(bench);
    await mkdir(join(bench.root, 'inner'));
    await bench.mount(join(bench.root, 'inner'), '/', '--bind');
    expect(await bench.refusal()).toContain(
      `NoDescription: / of the golden is only the directory /inner of ${disk}p1, so`,
    );
    await bench.unmount();
  });

  test('a file system in an image file is not a disk, and is named', async () => {
    await using bench = await GoldenBench.create();
    await onExt4(bench);
    const image = await bench.disk(64 * MIB);
    await ext4(image);
    await bench.mount(image, '/snap/x');
    const blueprint = await bench.plan();
    expect(streamsOf(blueprint)).toEqual(['/ → disk 1']);
    expect(section(blueprint, 'Not copied:')).toEqual([
      expect.stringMatching(/^\/snap\/x: a file system in the image file \/.*disk1\.img$/),
    ]);
  });

  test('a directory of a file system that is mounted nowhere else', async () => {
    await using bench = await GoldenBench.create();
    const disk = await bench.disk(128 * MIB, 'label: gpt\nsize=40M\nsize=40M\n');
    for (const number of [1, 2]) await ext4(`${disk}p${number}`);
    await bench.mount(`${disk}p2`, '/');
    await mkdir(join(bench.root, 'part'));
    await bench.mount(`${disk}p1`, '/');
    await bench.mount(`${disk}p2`, '/../whole');
    await bench.mount(join(bench.root, '../whole/part'), '/data', '--bind');
    expect(await bench.refusal()).toMatch(
      /^NoDescription: \/data of the golden is only the directory \/part of \/dev\/loop\d+p2, which is nowhere mounted as a whole, so its disk cannot be described; leave it out with -X/,
    );
  });

  test('a file system that cannot be made, or is not recognised, is in use', async () => {
    await using bench = await GoldenBench.create();
    const disk = await bench.disk(128 * MIB, 'label: gpt\nsize=40M\nsize=40M\n');
    await ext4(`${disk}p1`);
    await bench.mount(`${disk}p1`, '/');
    const tree = join(bench.root, '../tree');
    await mkdir(tree);
    await writeFile(join(tree, 'file'), 'x');
    const squash = join(bench.root, '../squash');
    await run('mksquashfs', [tree, squash, '-quiet', '-no-progress']);
    await run('dd', [`if=${squash}`, `of=${disk}p2`]);
    await bench.mount(`${disk}p2`, '/data', '-t', 'squashfs');
    const message = (type: string) =>
      `UnknownFilesystem: /data of the golden (${disk}p2) has a file system ka cannot make: ${type}; copy it byte by byte with -D, or leave it out with -X`;
    expect(await bench.refusal()).toBe(message('squashfs'));
    const file = await bench.file('desc', 'linux 40\nlinux 40\n');
    expect(await bench.refusal({ descriptions: [['sda', file]] })).toBe(message('squashfs'));

    const name = `${disk.slice(5)}p2`;
    const raw = await bench.plan({ rawPartitions: [name] });
    expect(streamsOf(raw)).toEqual(['/ → disk 1', `raw ${name} → disk 2`]);
    expect(warningsOf(raw)).toEqual([]);
    const left = await bench.plan({ skipDevices: name });
    expect(streamsOf(left)).toEqual(['/ → disk 1']);
    expect(section(left, 'Not copied:')).toEqual([`/data: left out by -X (${disk}p2, squashfs)`]);
  });

  test('two signatures hide what a mounted partition is: it is not planned as untouched', async () => {
    await using bench = await GoldenBench.create();
    const disk = await bench.disk(128 * MIB, 'label: gpt\nsize=40M\nsize=40M\n');
    for (const number of [1, 2]) await ext4(`${disk}p${number}`);
    // Squashfs's magic and version, where ext4 has nothing.
    const squash = await bench.file('squash', `hsqs${'\0'.repeat(24)}\u0004`);
    await run('dd', [`if=${squash}`, `of=${disk}p2`, 'conv=notrunc']);
    await bench.mount(`${disk}p1`, '/');
    await bench.mount(`${disk}p2`, '/data', '-t', 'ext4');
    expect(await bench.refusal()).toContain(
      `UnknownFilesystem: /data of the golden (${disk}p2) has a file system ka cannot make: ext4;`,
    );
  });

  test('a file system made and mounted on the running machine is copied, not left untouched', async () => {
    await using bench = await GoldenBench.create();
    const disk = await bench.disk(128 * MIB, 'label: gpt\nsize=40M\nsize=40M\n');
    await ext4(`${disk}p1`);
    await bench.mount(`${disk}p1`, '/');
    expect(streamsOf(await bench.plan())).toEqual(['/ → disk 1']);
    await ext4(`${disk}p2`);
    await bench.mount(`${disk}p2`, '/data');
    expect(streamsOf(await bench.plan())).toEqual(['/ → disk 1', '/data → disk 2']);
  });

  test('the table was changed under a mounted partition', async () => {
    await using bench = await GoldenBench.create();
    const disk = await onExt4(bench);
    await run('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', '--wipe', 'never', disk], {
      input: 'label: gpt\nstart=8192, size=40M\n',
    });
    expect(await bench.refusal()).toMatch(
      /^StaleTable: \/dev\/loop\d+p1 is mounted on \/, but not where the partition table of \/dev\/loop\d+ has it now; restart/,
    );
  });
});
