/** The demo with goldens it did not make: disk images of several layouts, and directories. */
import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import {
  attachLoop,
  detachLoop,
  loopPartition,
  makeBlankImage,
  showPartitions,
} from '../../demo/loop-disk.ts';
import { writeSampleData } from '../../demo/sample-data.ts';
import { run } from '../../system/run.ts';
import { uuidOf } from '../support/small-golden.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

const MIB = 1024 * 1024;
const MANY_FILES = 70_000;
const project = fileURLToPath(new URL('../..', import.meta.url));

/** Sessions mostly wait: so many at once take hardly longer than one. */
const AT_ONCE = 3;

let dir: TempDir;
const at = (...names: string[]): string => join(dir.path, ...names);

interface Said {
  exitCode: number | undefined;
  /** Lines of the demo itself, without its name. */
  said: string[];
  /** Whether the clone is the golden; all there is when it did not come to that. */
  verdict: string;
}

interface How {
  /** Command in front, to run it as somebody else. */
  as?: readonly string[];
  /** Where it is installed. */
  checkout?: string;
}

/** Runs `npm run demo -- …` as npm does. */
const demo = async (args: readonly string[], { as = [], checkout = project }: How = {}) => {
  const command = [process.execPath, join(checkout, 'dist/demo.js'), '--nodes', '1', ...args];
  const [file = '', ...rest] = [...as, ...command];
  const { exitCode, all } = await execa(file, rest, { reject: false, all: true });
  const said = all
    .split('\n')
    .filter((line) => line.startsWith('demo: '))
    .map((line) => line.slice('demo: '.length));
  const verdict = said.find((line) => line.startsWith('node1: identical')) ?? all;
  return { exitCode, said, verdict } satisfies Said;
};

/** What a golden was said to be before its session. */
const notes = ({ said }: Said): string[] => said.filter((line) => line.startsWith('golden: '));

const running = new Set<Promise<Said>>();
const clones = new Map<string, Promise<Said>>();

const startDemo = async (name: string, golden: string, how: How = {}): Promise<void> => {
  while (running.size >= AT_ONCE) await Promise.race(running);
  const cloning = demo(['--golden', golden], how).finally(() => running.delete(cloning));
  running.add(cloning);
  clones.set(name, cloning);
};

const cloneOf = async (name: string): Promise<Said> => {
  const cloning = clones.get(name);
  if (!cloning) throw new RangeError(`no demo of "${name}" was started`);
  return cloning;
};

const writeFiles = async (root: string, files: Record<string, string>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
};

/** As small as a system can be: no loader, no init, no shell. */
const smallSystem = {
  'etc/hostname': 'small\n',
  'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 small\n',
  'etc/machine-id': 'uninitialized\n',
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
  'var/log/messages': 'started\n',
};

const withDisk = async <T>(image: string, work: (disk: string) => Promise<T>): Promise<T> => {
  const disk = await attachLoop(image);
  try {
    await showPartitions(disk);
    return await work(disk);
  } finally {
    await detachLoop(disk);
  }
};

const withMount = async (device: string, work: (place: string) => Promise<unknown>) => {
  const place = `${at('mounted')}-${device.replaceAll('/', '-')}`;
  await mkdir(place, { recursive: true });
  await run('mount', [device, place]);
  try {
    await work(place);
  } finally {
    await run('umount', [place]);
  }
};

interface Part {
  mkfs: readonly [string, ...string[]];
  /** Files in it, by the UUIDs of all partitions. */
  files?: (uuid: Readonly<Record<number, string>>) => Record<string, string>;
}

interface Layout {
  mebibytes: number;
  /** For sfdisk. */
  table: string;
  parts: Record<number, Part>;
}

const makeImage = async (name: string, { mebibytes, table, parts }: Layout): Promise<string> => {
  const image = at(`${name}.img`);
  await makeBlankImage(image, mebibytes * MIB);
  await run('sfdisk', ['--quiet', image], { input: table });
  await withDisk(image, async (disk) => {
    const uuids: Record<number, string> = {};
    for (const [number, { mkfs }] of Object.entries(parts)) {
      const [command, ...args] = mkfs;
      await run(command, [...args, loopPartition(disk, Number(number))]);
      uuids[Number(number)] = await uuidOf(loopPartition(disk, Number(number)));
    }
    for (const [number, { files }] of Object.entries(parts)) {
      if (!files) continue;
      await withMount(loopPartition(disk, Number(number)), async (place) => {
        await writeFiles(place, files(uuids));
        await writeFile(join(place, 'some bytes'), randomBytes(MIB));
      });
    }
  });
  return image;
};

const ext4 = ['mkfs.ext4', '-q'] as const;
const xfs = ['mkfs.xfs', '-q', '-f'] as const;
const btrfs = ['mkfs.btrfs', '-q'] as const;
const swap: Part = { mkfs: ['mkswap', '-q'] };
const data = (): Record<string, string> => ({ 'some/file': 'data\n' });

const gpt: Layout = {
  mebibytes: 530,
  table: 'label: gpt\nsize=40M, type=uefi\nsize=100M\nsize=20M, type=swap\nsize=320M\nsize=30M\n',
  parts: {
    1: { mkfs: ['mkfs.vfat', '-n', 'ESP'] },
    2: {
      mkfs: ext4,
      files: (uuid) => ({
        ...smallSystem,
        'home/.keep': '',
        'boot/efi/.keep': '',
        'etc/fstab': `UUID=${uuid[2]} / ext4 errors=remount-ro 0 1\nUUID=${uuid[1]} /boot/efi vfat umask=0077 0 1\nUUID=${uuid[3]} none swap sw 0 0\nLABEL=people /home xfs defaults 0 0\n`,
      }),
    },
    3: swap,
    4: { mkfs: [...xfs, '-L', 'people'], files: data },
    5: { mkfs: [...ext4, '-L', 'spare'], files: data },
  },
};

const logical: Layout = {
  mebibytes: 300,
  table: 'label: dos\nsize=100M, bootable\ntype=5\nsize=20M, type=82\nsize=60M\nsize=60M\n',
  parts: {
    1: {
      mkfs: ext4,
      files: () => ({
        ...smallSystem,
        'var/lib/my data/.keep': '',
        'boot/.keep': '',
        'etc/fstab':
          '/dev/sda1 / ext4 defaults 0 1\n/dev/sda5 swap swap defaults 0 0\n/dev/sda6 /var/lib/my\\040data ext4 noatime 0 2\n/dev/sda7 /boot ext4 defaults 0 2\n',
      }),
    },
    5: swap,
    6: { mkfs: ext4, files: data },
    7: {
      mkfs: ext4,
      files: (uuid) => ({
        vmlinuz: 'kernel\n',
        'grub/grub.cfg': `linux /vmlinuz root=UUID=${uuid[1]}\n`,
      }),
    },
  },
};

const oneBtrfs: Layout = {
  mebibytes: 310,
  table: 'label: gpt\nsize=300M, name=system\n',
  parts: {
    1: {
      mkfs: btrfs,
      files: (uuid) => ({
        ...smallSystem,
        'etc/fstab': 'PARTLABEL=system / btrfs compress=zstd 0 0\n',
        // On gpt its grub has no place without a partition of its own.
        'usr/sbin/grub-install': '#!/bin/false\n',
        'usr/sbin/grub-mkconfig': '#!/bin/false\n',
        'usr/lib/grub/i386-pc/normal.mod': '',
        'boot/vmlinuz': 'kernel\n',
        'boot/grub/grub.cfg': `linux /boot/vmlinuz root=UUID=${uuid[1]}\n`,
      }),
    },
  },
};

/** Odd names, links, holes, attributes, what only root can read, and more files than mkfs makes inodes for. */
const makeOddDirectory = async (): Promise<string> => {
  const golden = at('a "strange" name = with, blanks');
  await mkdir(join(golden, 'secrets'), { recursive: true });
  await writeSampleData(golden, 2);
  await writeFile(join(golden, 'secrets/key'), 'secret');
  await chmod(join(golden, 'secrets/key'), 0);
  await chmod(join(golden, 'secrets'), 0o700);
  await mkdir(join(golden, 'many'));
  const names = Array.from({ length: MANY_FILES }, (_, index) => `file${index}\0`);
  await run('xargs', ['--null', 'touch'], { cwd: join(golden, 'many'), input: names.join('') });
  return golden;
};

const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

/** The built demo where a user without rights can keep its own files. */
const makeCheckout = async (): Promise<string> => {
  const checkout = at('checkout');
  await mkdir(checkout);
  await cp(join(project, 'dist'), join(checkout, 'dist'), { recursive: true });
  await cp(join(project, 'package.json'), join(checkout, 'package.json'));
  await symlink(join(project, 'node_modules'), join(checkout, 'node_modules'));
  await run('chown', ['-R', '-h', '65534:65534', checkout]);
  return checkout;
};

const makePlainDirectory = async (): Promise<string> => {
  const golden = at('plain');
  await mkdir(golden);
  await writeSampleData(golden, 1, { plain: true });
  await run('chown', ['-R', '-h', '65534:65534', golden]);
  return golden;
};

beforeAll(async () => {
  dir = await makeTempDir();
  await chmod(dir.path, 0o755);
  await startDemo('gpt', await makeImage('gpt', gpt));
  await startDemo('logical', await makeImage('logical', logical));
  await startDemo('btrfs', await makeImage('btrfs', oneBtrfs));
  await startDemo('odd', await makeOddDirectory());
  const system = at('system');
  await writeFiles(system, { ...smallSystem, 'etc/machine-id': '', 'etc/fstab': '' });
  await startDemo('system', system);
  const checkout = await makeCheckout();
  await startDemo('plain', await makePlainDirectory(), { as: nobody, checkout });
}, 120_000);

afterAll(async () => {
  await Promise.all(running);
  await dir[Symbol.asyncDispose]();
});

const identical = (...paths: RegExp[]) =>
  expect.objectContaining({
    exitCode: 0,
    verdict: expect.stringMatching(
      `^node1: identical to the golden: ${paths.map(({ source }) => source).join('')}`,
    ),
  });

describe('a disk image is cloned', () => {
  test('with gpt, an EFI system partition, swap, and /home on xfs by its label', async () => {
    const result = await cloneOf('gpt');
    expect(result).toEqual(identical(/\d+ entries, 2 MiB compared/));
    // A kernel with vfat has the files of the EFI system partition; others its bytes.
    expect(notes(result).filter((line) => !line.includes('vfat'))).toEqual([
      'golden: sda5 (ext4) is neither in fstab nor mounted: it is described to be copied byte by byte',
    ]);
  }, 120_000);

  test('with logical partitions, by device names, and a loader that cannot be installed again', async () => {
    const result = await cloneOf('logical');
    expect(result).toEqual(identical(/\d+ entries, 3 MiB compared/));
    expect(notes(result)).toEqual([
      'golden: clones get no boot loader: the golden lacks parts of grub to install it again',
    ]);
  }, 120_000);

  test('with one btrfs, and a grub that would have no place', async () => {
    const result = await cloneOf('btrfs');
    expect(result).toEqual(identical(/\d+ entries, 1 MiB compared/));
    expect(notes(result)).toEqual([
      expect.stringMatching(
        /^golden: clones get no boot loader: they would boot by neither BIOS \(.*bios-boot.*\) nor UEFI \(.*\)$/,
      ),
    ]);
  }, 120_000);
});

describe('a directory is cloned', () => {
  test('with odd names, what only root can read, and many small files', async () => {
    expect(await cloneOf('odd')).toEqual(identical(/7002\d entries/));
  }, 120_000);

  test('with a system in it that makes its machine-id at the first boot', async () => {
    expect(await cloneOf('system')).toEqual(identical());
  }, 120_000);

  test('by a user, when it is that user’s own', async () => {
    const result = await cloneOf('plain');
    expect(result).toEqual(identical(/\d+ entries/));
    expect(result.said[0]).toBe('no root: cloning into directories on 127.0.0.x instead of disks');
  }, 120_000);
});

describe('refused by name is', () => {
  const last = async (args: readonly string[], how: How = {}): Promise<string | undefined> => {
    const { exitCode, said } = await demo(args, how);
    expect(exitCode).toBe(1);
    return said.at(-1);
  };

  test('an image without a system, and one with subvolumes on several places', async () => {
    const table = 'label: dos\nsize=200M\n';
    const image = await makeImage('subvolumes', {
      mebibytes: 210,
      table,
      parts: { 1: { mkfs: btrfs } },
    });
    expect(await last(['--golden', image])).toMatch(
      /no file system on \S+ holds a system \(an etc\/fstab\): sda1 \(btrfs\) is neither in fstab/,
    );
    await withDisk(image, async (disk) => {
      const uuid = await uuidOf(loopPartition(disk, 1));
      const fstab = `UUID=${uuid} / btrfs subvol=@ 0 0\nUUID=${uuid} /home btrfs subvol=@home 0 0\n`;
      await withMount(loopPartition(disk, 1), async (top) => {
        for (const name of ['@', '@home']) {
          await run('btrfs', ['-q', 'subvolume', 'create', join(top, name)]);
        }
        await writeFiles(join(top, '@'), { 'etc/fstab': fstab, 'home/.keep': '' });
      });
    });
    expect(await last(['--golden', image])).toMatch(
      /^sda1 \(btrfs\) is on \/ and \/home by subvolumes, but a description has one place/,
    );
  }, 60_000);

  test('an image of a disk that was in use', async () => {
    const dirty = at('dirty.img');
    await cloneOf('logical');
    await withDisk(at('logical.img'), (disk) =>
      withMount(loopPartition(disk, 1), async (root) => {
        await writeFile(join(root, 'new'), 'not written back yet');
        await run('sync', ['-f', root]);
        await cp(at('logical.img'), dirty);
      }),
    );
    expect(await last(['--golden', dirty])).toMatch(
      /^golden: partition 1 \(ext4, \/\) cannot be mounted; was it unmounted when the image was taken\?/,
    );
  }, 60_000);

  test('a directory that holds the clones, or another file system', async () => {
    const golden = at('whole');
    await mkdir(join(golden, 'other'), { recursive: true });
    expect(await last(['--golden', golden, '--keep', join(golden, 'clones')])).toBe(
      `--golden ${golden}: the demo would write to ${golden}/clones, which is in it; give another directory`,
    );
    await run('mount', ['-t', 'tmpfs', 'tmpfs', join(golden, 'other')]);
    try {
      expect(await last(['--golden', golden])).toBe(
        `--golden ${golden}: ${golden}/other in it is a file system of its own; unmount it, or give the disk's image`,
      );
    } finally {
      await run('umount', [join(golden, 'other')]);
    }
  }, 60_000);

  test('what is not there, and what only root can clone', async () => {
    expect(await last(['--golden', at('nosuch')])).toBe(
      `--golden ${at('nosuch')}: there is no such file or directory`,
    );
    const golden = at('secret');
    await writeFiles(golden, { 'deep/key': 'secret' });
    await chmod(join(golden, 'deep/key'), 0o600);
    await run('chown', ['65534:65534', golden]);
    const checkout = at('checkout');
    const other = JSON.stringify(join(golden, 'deep'));
    expect(await last(['--golden', golden], { as: nobody, checkout })).toBe(
      `--golden ${golden}: only root can clone ${other} (it is another user's, not readable, or a device); run the demo as root`,
    );
    expect(await last(['--golden', at('gpt.img')], { as: nobody, checkout })).toBe(
      `--golden ${at('gpt.img')}: disk images are cloned by root only; give a directory, or run the demo as root`,
    );
  }, 60_000);
});
