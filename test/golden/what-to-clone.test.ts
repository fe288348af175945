import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { run } from '../../system/run.ts';
import { GoldenBench, MIB, section, streamsOf, warningsOf } from './support/golden-bench.ts';

/** A golden with / on one disk, and two file systems on another. */
const twoDisks = async (bench: GoldenBench): Promise<{ system: string; data: string }> => {
  const system = await bench.disk(128 * MIB, 'label: dos\nsize=40M\nsize=20M\n');
  const data = await bench.disk(128 * MIB, 'label: gpt\nsize=40M\nsize=40M\n');
  for (const [disk, number, path] of [
    [system, 1, '/'],
    [data, 1, '/data'],
    [data, 2, '/backup'],
  ] as const) {
    await run('mkfs.ext4', ['-q', `${disk}p${number}`]);
    await bench.mount(`${disk}p${number}`, path);
  }
  return { system, data };
};

const nameOf = (device: string): string => device.replace('/dev/', '');

/** Reads a disk has seen so far, partitions included. */
const readsOf = async (device: string): Promise<number> => {
  const stat = await readFile(`/sys/class/block/${nameOf(device)}/stat`, 'utf8');
  return Number(stat.trim().split(/\s+/)[0]);
};

const yaml = (disk: string, ...partitions: string[]): string =>
  `disks:\n  - name: ${disk}\n    table: gpt\n    partitions:\n${partitions.map((line) => `      - { ${line} }\n`).join('')}`;

describe('only disks that are needed are read', () => {
  const readsWhile = async (devices: string[], work: () => Promise<unknown>): Promise<number[]> => {
    for (const device of devices) await run('blockdev', ['--flushbufs', device]);
    const before = await Promise.all(devices.map(readsOf));
    await work();
    const after = await Promise.all(devices.map(readsOf));
    return after.map((reads, index) => reads - (before[index] ?? 0));
  };

  test('with -p those it is for, without it those -X leaves in', async () => {
    await using bench = await GoldenBench.create();
    const { system, data } = await twoDisks(bench);
    const desc = await bench.file('desc', 'linux 50\nlinux fill\n');
    const descriptions: [string, string][] = [['sda', desc]];
    const [given, others] = await readsWhile([system, data], () => bench.plan({ descriptions }));
    expect(given).toBeGreaterThan(0);
    expect(others).toBe(0);
    const skipDevices = nameOf(data);
    const [own, left] = await readsWhile([system, data], () => bench.plan({ skipDevices }));
    expect(own).toBeGreaterThan(0);
    expect(left).toBe(0);
    const [, both] = await readsWhile([system, data], () => bench.plan());
    expect(both).toBeGreaterThan(0);
  });

  test('one described disk under a name the golden does not have is filled from that of its /', async () => {
    await using bench = await GoldenBench.create();
    const { system } = await twoDisks(bench);
    const desc = await bench.file('desc', 'linux 50\nlinux fill\n');
    const blueprint = await bench.plan({ descriptions: [['vda', desc]] });
    expect(streamsOf(blueprint)).toEqual(['/ → vda 1']);
    expect(blueprint.summary).toContain(`  vda: msdos table, from the golden's ${system}`);
    expect(warningsOf(blueprint)).toEqual([
      expect.stringContaining('partition 2 of vda will be empty'),
      expect.stringMatching(
        /^\/backup of the golden is not copied: not in the description \(.*p2, ext4\)$/,
      ),
      expect.stringMatching(
        /^\/data of the golden is not copied: not in the description \(.*p1, ext4\)$/,
      ),
    ]);
  });
});

describe('a plan without / of the golden', () => {
  test('is refused, when the description left open what comes from the golden', async () => {
    await using bench = await GoldenBench.create();
    const system = await bench.disk(128 * MIB, 'label: dos\nsize=40M\nsize=40M\n');
    for (const [number, path] of [
      [1, '/'],
      [2, '/home'],
    ] as const) {
      await run('mkfs.ext4', ['-q', `${system}p${number}`]);
      await bench.mount(`${system}p${number}`, path);
    }
    const desc = await bench.file('desc', 'swap 50\nlinux fill\n');
    expect(await bench.refusal({ descriptions: [['sda', desc]] })).toBe(
      `NoRoot: no partition gets / of the golden (${system}p1), so no node would start; correct the description`,
    );
    // Its own disk, but for its system.
    expect(await bench.refusal({ skipDevices: `${nameOf(system)}p1` })).toContain(
      `NoDescription: -X ${nameOf(system)}p1 leaves out / of the golden (${system}p1)`,
    );
    expect(await bench.refusal({ skipDevices: `${nameOf(system)}$` })).toContain(
      'leaves out / of the golden',
    );
  });

  test('is made when the description says what it wants, or is for another disk', async () => {
    await using bench = await GoldenBench.create();
    const { data } = await twoDisks(bench);
    const said = await bench.file(
      'd.yaml',
      yaml('sdb', 'size: fill, filesystem: ext4, mount: /data'),
    );
    const blueprint = await bench.plan({ descriptions: [['sdb', said]] });
    expect(streamsOf(blueprint)).toEqual(['/data → sdb 1']);
    expect(warningsOf(blueprint).join('\n')).toMatch(/\/ of the golden is not copied/);
    const classic = await bench.file('desc', 'linux 50\nlinux fill\n');
    expect(streamsOf(await bench.plan({ descriptions: [[nameOf(data), classic]] }))).toEqual([
      '/backup → disk 2',
      '/data → disk 1',
    ]);
  });

  test('has it when its partition is copied byte by byte, which is warned of', async () => {
    await using bench = await GoldenBench.create();
    const { system } = await twoDisks(bench);
    const desc = await bench.file('desc', 'linux 40\nlinux fill\n');
    const blueprint = await bench.plan({ descriptions: [['sda', desc]], rawPartitions: ['sda1'] });
    expect(streamsOf(blueprint)).toEqual(['raw sda1 → sda 1']);
    expect(warningsOf(blueprint)).toContain(
      `${system}p1 is copied byte by byte while it is mounted on /; it may be damaged on the nodes: free it before the start, or make it read-only`,
    );
    await run('mount', ['-o', 'remount,ro', bench.root]);
    const quiet = await bench.plan({ descriptions: [['sda', desc]], rawPartitions: ['sda1'] });
    expect(warningsOf(quiet).join()).not.toMatch(/byte by byte/);
  });
});

test('a partition that is copied byte by byte while another device is made of it is warned of', async () => {
  await using bench = await GoldenBench.create();
  const { system } = await twoDisks(bench);
  const desc = await bench.file('desc', 'linux 40\nlinux fill\n');
  const { stdout } = await run('losetup', ['--find', '--show', `${system}p2`]);
  const options = { descriptions: [['sda', desc] as const], rawPartitions: ['sda2'] };
  const plan = await bench.plan(options).finally(() => run('losetup', ['--detach', stdout.trim()]));
  expect(warningsOf(plan)).toContain(
    `${system}p2 is copied byte by byte while it is attached to ${stdout.trim()}; it may be damaged on the nodes: free it before the start, or make it read-only`,
  );
});

describe('-X', () => {
  test('fits the names of the description too, and devices behind a mount point', async () => {
    await using bench = await GoldenBench.create();
    const { data } = await twoDisks(bench);
    const file = await bench.file(
      'd.yaml',
      yaml(
        'vda',
        'size: 40MiB, filesystem: ext4, mount: /',
        'size: fill, filesystem: ext4, mount: /data',
      ),
    );
    const streams = async (skipDevices: string) =>
      streamsOf(await bench.plan({ descriptions: [['vda', file]], skipDevices }));
    expect(await streams('vda2')).toEqual(['/ → vda 1']);
    expect(await streams(`${nameOf(data)}p1`)).toEqual(['/ → vda 1']);
    const plan = await bench.plan({
      descriptions: [['vda', file]],
      skipDevices: `${nameOf(data)}`,
    });
    expect(section(plan, 'Not copied:')).toEqual([
      `/backup: left out by -X (${data}p2, ext4)`,
      `/data: left out by -X (${data}p1, ext4)`,
    ]);
    expect(plan.summary.join('\n')).toMatch(/vda2 .*not touched after partitioning/);
  });

  test('a pattern that fits nothing is refused', async () => {
    await using bench = await GoldenBench.create();
    await twoDisks(bench);
    expect(await bench.refusal({ skipDevices: 'nosuchdisk' })).toBe(
      'NothingSkipped: -X nosuchdisk: no disk or partition of the golden or of the description is called so; correct it or leave it out',
    );
  });

  test('a disk all of whose file systems are left out is not made anew on the nodes', async () => {
    await using bench = await GoldenBench.create();
    const { system, data } = await twoDisks(bench);
    const { summary } = await bench.plan({ skipDevices: `${nameOf(data)}p[12]` });
    const disks = summary.filter((line) => /^ {2}\S+: \S+ table/.test(line));
    expect(disks).toEqual([`  ${nameOf(system)}: msdos table`]);
  });
});

describe('-p', () => {
  const DESC = 'linux fill\n';

  test('a path instead of a name, a disk twice, a disk the file is not for: refused', async () => {
    await using bench = await GoldenBench.create();
    await twoDisks(bench);
    const desc = await bench.file('desc', DESC);
    const of = await bench.file('d.yaml', yaml('sda', 'size: fill, filesystem: ext4, mount: /'));
    const refusal = (...descriptions: [string, string][]) => bench.refusal({ descriptions });
    expect(await refusal(['/dev/sda', desc])).toBe(
      'BadDescription: -p /dev/sda /desc: not a disk name; write it without /dev/: -p sda /desc',
    );
    expect(await refusal(['../sda', desc])).toContain('-p ../sda /desc: not a disk name;');
    expect(await refusal(['sda', desc], ['sda', desc])).toBe(
      'BadDescription: -p sda /desc: this disk was given before; give each disk once',
    );
    expect(await refusal(['sdb', of])).toBe(
      'BadDescription: -p sdb /d.yaml: the file describes sda, not sdb; correct one of them',
    );
    expect(
      await refusal(
        ['sda', of],
        ['sdb', await bench.file('e.yaml', yaml('sdb', 'size: fill, filesystem: ext4, mount: /'))],
      ),
    ).toBe(
      'BadDescription: /d.yaml, /e.yaml together: / is already the mount point of sda partition 1; give each its own',
    );
  });

  test('a file of several disks may be given for each of them, and a classic one for several', async () => {
    await using bench = await GoldenBench.create();
    const { system, data } = await twoDisks(bench);
    const both = await bench.file(
      'd.yaml',
      `${yaml('sda', 'size: fill, filesystem: ext4, mount: /')}${yaml('sdb', 'size: fill, filesystem: ext4, mount: /data').replace('disks:\n', '')}nodes: [n1]\n`,
    );
    expect(
      streamsOf(
        await bench.plan({
          descriptions: [
            ['sda', both],
            ['sdb', both],
          ],
        }),
      ),
    ).toEqual(['/ → sda 1', '/data → sdb 1']);
    const desc = await bench.file('desc', 'linux 50\nlinux fill\n');
    const twice: [string, string][] = [
      [nameOf(system), desc],
      [nameOf(data), desc],
    ];
    expect(
      (await bench.plan({ descriptions: twice })).sources.map(({ plan }) => plan.name),
    ).toEqual(['/', '/backup', '/data']);
  });

  test('one node in two files is refused', async () => {
    await using bench = await GoldenBench.create();
    await twoDisks(bench);
    const one = await bench.file(
      'd.yaml',
      `${yaml('sda', 'size: fill, filesystem: ext4, mount: /')}nodes: [n1]\n`,
    );
    const two = await bench.file(
      'e.yaml',
      `${yaml('sdb', 'size: fill, filesystem: ext4, mount: /data')}nodes: [n1]\n`,
    );
    expect(
      await bench.refusal({
        descriptions: [
          ['sda', one],
          ['sdb', two],
        ],
      }),
    ).toBe(
      'BadDescription: /d.yaml, /e.yaml together: host name n1 is already that of node 1 of the list; give each its own',
    );
  });
});

describe('the plan an admin reads', () => {
  test('names everything that is left out', async () => {
    await using bench = await GoldenBench.create();
    await twoDisks(bench);
    await bench.mount('tmpfs', '/scratch', '-t', 'tmpfs');
    const file = await bench.file('d.yaml', yaml('sda', 'size: fill, filesystem: ext4, mount: /'));
    await bench.write('var/cache/file', 'x');
    const blueprint = await bench.plan({ descriptions: [['sda', file]], exclude: ['/var/cache/'] });
    expect(section(blueprint, 'Excluded directories:')).toEqual(['/var/cache']);
    expect(section(blueprint, 'Not copied:')).toEqual(['/scratch: tmpfs (tmpfs)']);
    expect(warningsOf(blueprint)).toHaveLength(2);
    expect(section(blueprint, 'Left out, as it')).toEqual([]);
  });

  test('names what belongs to the running system, when it is the running one that is cloned', async () => {
    await using bench = await GoldenBench.create();
    const file = await bench.file('d.yaml', yaml('sda', 'size: fill, filesystem: ext4, mount: /'));
    const blueprint = await bench.plan({ root: '/', descriptions: [['sda', file]] });
    expect(section(blueprint, 'Left out, as it belongs to the running system:')).toEqual([
      '/proc /sys /dev /run /tmp /var/tmp /mnt/ka',
    ]);
    expect(blueprint.summary.join('\n')).not.toMatch(/^ {4}\/(proc|sys|dev|run)\b.*:/m);
  });

  test('ten of a kind are named, the rest is counted', async () => {
    await using bench = await GoldenBench.create();
    await twoDisks(bench);
    for (let index = 10; index < 25; index += 1) {
      await bench.mount('tmpfs', `/scratch${index}`, '-t', 'tmpfs');
    }
    const left = section(await bench.plan(), 'Not copied:');
    expect(left).toHaveLength(11);
    expect(left.at(-1)).toBe('and 5 more such as /scratch24');
  });

  test('nothing on a disk makes a terminal do something', async () => {
    await using bench = await GoldenBench.create();
    const disk = await bench.disk(128 * MIB, 'label: gpt\nsize=40M, name="\\x1b[31mred"\n');
    await run('mkfs.ext4', ['-q', '-L', 'a\u001b[2Jb', `${disk}p1`]);
    await bench.mount(`${disk}p1`, '/');
    await bench.mount('\u001b[31mtmpfs', '/scratch', '-t', 'tmpfs');
    const refused = await bench.refusal();
    expect(refused).toMatch(
      /^NoDescription: partition 1 of the golden's loop\d+ cannot be described: name holds control characters/,
    );
    const file = await bench.file('desc', 'linux fill\n');
    const { summary } = await bench.plan({ descriptions: [['sda', file]] });
    expect(summary.join('\n')).not.toContain('\u001b');
  });
});
