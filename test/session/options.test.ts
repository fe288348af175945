import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readTree } from '../../demo/compare.ts';
import { Lab } from '../../demo/lab.ts';
import { loopPartition } from '../../demo/loop-disk.ts';
import { mountSystem } from '../../demo/mounted-system.ts';
import { run } from '../../system/run.ts';
import {
  differencesOf,
  exits,
  readEvents,
  readReport,
  type Started,
  startAgent,
  startGolden,
  startOn,
} from '../support/cluster.ts';
import { type GoldenLayout, makeGoldenLayout } from '../support/golden-layout.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { MIB } from '../support/small-golden.ts';

const CODE_BYTES = 440;
const RELEASE_SECONDS = 1.5;
const ext4 = ['mkfs.ext4', '-q'] as const;

let lab: Lab;
let golden: GoldenLayout;
let description: string;
let codeFile: string;

/** A directory that is recognised again by its mode and owner, with something in it. */
const writeLeftOut = async (directory: string): Promise<void> => {
  await mkdir(join(directory, 'inside'), { recursive: true });
  await writeFile(join(directory, 'file'), 'not to be copied');
  await chmod(directory, 0o2751);
  await chown(directory, 123, 456);
};

/** Random bytes in front of a disk's table. */
const writeRandomCode = async (disk: string): Promise<void> => {
  const handle = await open(disk, 'r+');
  await handle.write(randomBytes(CODE_BYTES), 0, CODE_BYTES, 0);
  await handle.close();
};

const readCode = async (disk: string): Promise<string> => {
  const { stdout } = await run('od', ['-An', '-v', '-tx1', '-N', String(CODE_BYTES), disk]);
  return stdout.replace(/\s/g, '');
};

const hashOf = async (device: string): Promise<string> => {
  const { stdout } = await run('sha256sum', [device]);
  return stdout.split(' ')[0] ?? '';
};

const blankDisk = (name: string) => lab.blankDisk(join(lab.directory, `${name}.img`), 150 * MIB);

const encodingOf = async (session: Started) =>
  (await readEvents(session)).find((event) => event.kind === 'pass' && event.state === 'start');

beforeAll(async () => {
  lab = await Lab.create({ nodes: 2, directory: labDirectory });
  golden = await makeGoldenLayout(lab, {
    bytes: 130 * MIB,
    table: 'label: dos\nsize=64M, bootable\nsize=20M\nsize=16M\nsize=20M\n',
    partitions: [
      { number: 1, mkfs: ext4, mount: '/' },
      { number: 2, mkfs: ext4, mount: '/srv' },
      { number: 3, mkfs: ext4 },
      { number: 4, mkfs: ext4, mount: '/skipped' },
    ],
    fill: async (root) => {
      for (const path of ['left', 'also left', 'srv/deep/left']) {
        await writeLeftOut(join(root, path));
      }
      await writeFile(join(root, 'data'), randomBytes(8 * MIB));
      await writeFile(join(root, 'srv/data'), randomBytes(MIB));
      await writeFile(join(root, 'skipped/data'), 'not to be copied');
    },
  });
  await writeRandomCode(golden.disk);
  description = join(lab.directory, 'desc');
  await writeFile(description, 'linux 64\nlinux 20\nlinux 16\nlinux fill\n');
  codeFile = join(lab.directory, 'code.bin');
  await writeFile(codeFile, randomBytes(446));
}, 60_000);

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

/** What both sessions leave out, copy raw and boot is the same; only the words differ. */
const expectClone = async (disk: string, name: string): Promise<void> => {
  expect(await hashOf(loopPartition(disk, 3))).toBe(await hashOf(golden.device(3)));
  const skipped = await run('blkid', ['-p', loopPartition(disk, 4)], { okExitCodes: [0, 2] });
  expect(skipped.stdout).not.toMatch(/ TYPE=/);
  const root = await mountSystem(lab, disk, `look-${name}`);
  for (const path of ['left', 'also left', 'srv/deep/left']) {
    expect([path, await readdir(join(root, path))]).toEqual([path, []]);
    const { mode, uid, gid } = await stat(join(root, path));
    expect([mode & 0o7777, uid, gid]).toEqual([0o2751, 123, 456]);
  }
  expect(await readdir(join(root, 'skipped'))).toEqual([]);
  expect(await readFile(join(root, 'etc/fstab'), 'utf8')).toMatch(/^#.*\/skipped/m);
  await lab.unmount(root);
  const whole = await readTree(golden.root);
  const leftOut = /^(left|also left|srv\/deep\/left|skipped)(\/|$)/;
  const wanted = new Map([...whole].filter(([path]) => !leftOut.test(path)));
  const different = await differencesOf(lab, wanted, disk, name);
  expect(different.filter((line) => !/left|skipped/.test(line))).toEqual([]);
};

// First of all, so that no session has left anything yet.
test('--plan shows what would be done and starts nothing', async () => {
  const whatToClone = ['-p', 'sda', description, '--root', golden.root, '-D', 'sda3'];
  const plan = startOn(lab.golden, lab, ['golden', '-n', '2', ...whatToClone, '--plan']);
  expect(await exits(plan)).toEqual([0]);
  const text = await plan.text();
  expect(text).toMatch(/sda1 +64 MiB +ext4 +files of \//);
  expect(text).toMatch(/sda3 +16 MiB .*copied byte by byte/);
  expect(existsSync(join(lab.directory, 'golden-state'))).toBe(false);
});

test('the letters of the original do what they did', async () => {
  const session = startGolden(lab, [
    ...['-n', '2', '-p', 'sda', description, '--root', golden.root],
    ...['-x', '/left|/also left', '-x', '/srv/deep/left/', '-X', '[0-9]p4$', '-D', 'sda3'],
    ...['-m', 'sda', '-r', 'none', '-d', String(RELEASE_SECONDS * 10), '--compress', 'zstd'],
  ]);
  const disks = [await blankDisk('letters1'), await blankDisk('letters2')];
  const ended: number[] = [];
  const agents = disks.map((disk, index) => startAgent(lab, index + 1, ['--disk', `sda=${disk}`]));
  for (const agent of agents) void agent.ended.then(() => ended.push(Date.now()));
  expect(await exits(session)).toEqual([0]);
  expect(await exits(...agents)).toEqual([0, 0]);
  expect(Math.abs((ended[1] ?? 0) - (ended[0] ?? 0))).toBeGreaterThan(RELEASE_SECONDS * 900);
  expect(await encodingOf(session)).toMatchObject({ encoding: 'zstd' });
  for (const node of (await readReport(lab)).nodes) {
    expect(node.result).toBe('done');
    expect(node.steps.find(({ step }) => step === 'bootloader')?.state).toBe('skip');
  }
  for (const [index, disk] of disks.entries()) {
    expect(await readCode(disk)).toBe(await readCode(golden.disk));
    await expectClone(disk, `letters${index}`);
  }
}, 120_000);

test('long names do the same; a directory takes the files and leaves the raw copy', async () => {
  const into = join(lab.directory, 'into');
  await mkdir(into);
  const session = startGolden(lab, [
    ...['--nodes', '2', '--disk-desc', 'sda', description, '--root', golden.root],
    ...[
      '--exclude',
      '/left',
      '--exclude',
      '/also left|/srv/deep/left',
      '--skip-devices',
      '[0-9]p4$',
    ],
    ...['--raw-partition', 'sda3', '--boot-code-file', 'sda', codeFile, '--bootloader', 'none'],
    ...['--release-delay', '0', '--compress', 'none'],
  ]);
  const disk = await blankDisk('long');
  const agents = [
    startAgent(lab, 1, ['--disk', `sda=${disk}`]),
    startAgent(lab, 2, ['--into', into]),
  ];
  expect(await exits(session)).toEqual([0]);
  expect(await exits(...agents)).toEqual([0, 0]);
  expect(await encodingOf(session)).toMatchObject({ encoding: 'identity' });
  expect(await readCode(disk)).toBe(await readCode(codeFile));
  await expectClone(disk, 'long');
  expect(await hashOf(join(into, 'srv/data'))).toBe(await hashOf(join(golden.root, 'srv/data')));
  expect(await readdir(join(into, 'left'))).toEqual([]);
  const [onDisk, inDirectory] = await Promise.all(agents.map(({ text }) => text()));
  expect(onDisk).toContain('This node is cloned and verified\n');
  expect(inDirectory).toContain(`This node is cloned into ${into}; a directory is not verified`);
  expect(inDirectory).not.toContain('cloned and verified');
}, 120_000);

test('without -p the description is that of the golden’s own disk', async () => {
  const disk = await blankDisk('own');
  const name = golden.disk.replace('/dev/', '');
  const session = startGolden(lab, ['--root', golden.root, '-X', '[0-9]p4$', '-r', 'none']);
  const agent = startAgent(lab, 1, ['--disk', `${name}=${disk}`]);
  expect(await exits(session, agent)).toEqual([0, 0]);
  expect(await hashOf(loopPartition(disk, 3))).toBe(await hashOf(golden.device(3)));
  const whole = await readTree(golden.root);
  const wanted = new Map([...whole].filter(([path]) => !path.startsWith('skipped')));
  const different = await differencesOf(lab, wanted, disk, 'own');
  expect(different.filter((line) => !line.includes('skipped'))).toEqual([]);
}, 120_000);

/** What was asked for wrongly, and the line that says so. */
const wrong: [string[], RegExp][] = [
  [['-m', 'sdb'], /boot code for sdb: the description has no such disk, but sda/],
  [['-D', 'sda9'], /-D sda9: the description has no such partition/],
  [['-X', '('], /-X \(: not a regular expression/],
  [['-x', 'srv'], /-x srv: give the directory from the root on, like \/srv/],
  [['-r', 'syslinux'], /-r syslinux: not a boot loader; use grub/],
  [['-r', 'lilo'], /-r lilo: the golden in .* has no lilo, \/etc\/lilo.conf; install it/],
  [['-r', 'none --with=ata_piix'], /nothing would heed "--with=ata_piix"/],
  [['-s', 'a/b'], /session name "a\/b": use/],
  [['-n', '2', '--min-nodes', '3'], /--min-nodes 3 is more than the 2 of -n/],
];

test('wrong usage is one line and exit 64, and starts nothing', async () => {
  const whatToClone = ['-p', 'sda', description, '--root', golden.root];
  await Promise.all(
    wrong.map(async ([flags, line]) => {
      const session = startOn(lab.golden, lab, ['golden', ...whatToClone, '--yes', ...flags]);
      expect([flags, await session.ended]).toEqual([flags, 64]);
      expect(await session.text()).toMatch(new RegExp(`^ka: .*${line.source}.*\n$`));
    }),
  );
}, 60_000);
