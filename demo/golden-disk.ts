/**
 * The demo's golden node: a small real Debian on a disk image with an msdos
 * table: ext4 `/`, swap, ext4 `/home`, grub. Built once and kept.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debianCodename, makeDebianRoot } from '../images/debian-root.ts';
import { NamedError } from '../system/named-error.ts';
import { type CommandLog, run } from '../system/run.ts';
import { Cleanup } from './cleanup.ts';
import {
  attachLoop,
  detachLoop,
  loopPartition,
  makeBlankImage,
  showPartitions,
} from './loop-disk.ts';
import { makePrivateDev } from './private-dev.ts';
import { writeSampleData } from './sample-data.ts';

const MIB = 1024 * 1024;

/** Everything the image depends on: a change here makes a new image. */
const recipe = {
  version: 2,
  diskBytes: 3072 * MIB,
  rootMebibytes: 2000,
  swapMebibytes: 128,
  bulkMebibytes: 60,
  hostname: 'golden',
  packages: [
    'linux-image-cloud-amd64',
    'grub-pc',
    'initramfs-tools',
    'systemd-sysv',
    'udev',
    'dbus',
    'openssh-server',
    'rsync',
    'acl',
    'zstd',
    'iproute2',
    'iputils-ping',
    'libcap2-bin',
  ],
} as const;

/** The classic description of this disk, sizes in megabytes, for `ka golden -p sda FILE`. */
export const goldenDescription = `# disk of the demo's golden node
linux ${recipe.rootMebibytes}
swap ${recipe.swapMebibytes}
linux fill
`;

const MADE_OF = {
  what: "the demo's golden disk is made",
  otherwise: 'give an image with --golden IMG',
};

const installDebian = (target: string, { signal, log }: BuildOptions): Promise<void> =>
  makeDebianRoot(target, {
    variant: 'minbase',
    packages: recipe.packages,
    signal,
    log,
    ...MADE_OF,
  });

interface Uuids {
  root: string;
  swap: string;
  home: string;
}

const readUuid = async (device: string): Promise<string> =>
  (await run('blkid', ['-p', '-s', 'UUID', '-o', 'value', device])).stdout.trim();

/** Gives the system its name, identity, fstab and a login on the serial console. */
const configure = async (target: string, uuids: Uuids): Promise<void> => {
  const write = (path: string, text: string) => writeFile(join(target, path), text);
  await write('etc/hostname', `${recipe.hostname}\n`);
  await write(
    'etc/hosts',
    `127.0.0.1 localhost\n127.0.1.1 ${recipe.hostname}\n::1 localhost ip6-localhost\n`,
  );
  await write('etc/machine-id', `${randomBytes(16).toString('hex')}\n`);
  await write(
    'etc/fstab',
    [
      '# made for the demo',
      `UUID=${uuids.root} / ext4 errors=remount-ro 0 1`,
      `UUID=${uuids.swap} none swap sw 0 0`,
      `UUID=${uuids.home} /home ext4 defaults,nodev 0 2`,
      'tmpfs /tmp tmpfs nosuid,nodev 0 0',
      '',
    ].join('\n'),
  );
  await mkdir(join(target, 'etc/initramfs-tools/conf.d'), { recursive: true });
  await write('etc/initramfs-tools/conf.d/resume', `RESUME=UUID=${uuids.swap}\n`);
  // Debian packs with the slowest level; each clone makes its own initrd.
  await write('etc/initramfs-tools/conf.d/compress', 'COMPRESS=zstd\nCOMPRESSLEVEL=1\n');
  await write(
    'etc/default/grub',
    [
      'GRUB_DEFAULT=0',
      'GRUB_TIMEOUT=0',
      'GRUB_DISTRIBUTOR=Debian',
      'GRUB_CMDLINE_LINUX_DEFAULT=""',
      'GRUB_CMDLINE_LINUX="console=ttyS0"',
      'GRUB_TERMINAL=console',
      '',
    ].join('\n'),
  );
  await run('chpasswd', [], { root: target, input: 'root:ka\n' });
  await run('useradd', ['--create-home', '--shell', '/bin/bash', 'alice'], { root: target });
  await run('setcap', ['cap_net_raw+ep', '/usr/bin/ping'], { root: target });
};

const installGrub = async (target: string, disk: string, options: BuildOptions): Promise<void> => {
  await using cleanup = new Cleanup();
  await makePrivateDev(join(target, 'dev'), disk, cleanup);
  for (const [type, place] of [
    ['proc', 'proc'],
    ['sysfs', 'sys'],
  ] as const) {
    await run('mount', ['-t', type, type, join(target, place)]);
    cleanup.add(() => run('umount', [join(target, place)]));
  }
  const inside = { root: target, signal: options.signal, log: options.log };
  await run('update-initramfs', ['-u', '-k', 'all'], inside);
  await run('grub-install', ['--target=i386-pc', disk], inside);
  await run('update-grub', [], inside);
  const config = await readFile(join(target, 'boot/grub/grub.cfg'), 'utf8');
  if (/root=\/dev\//.test(config)) {
    throw new NamedError(
      'GoldenNotBootable',
      'grub.cfg of the golden disk names its root by device, not by UUID',
    );
  }
};

export interface BuildOptions {
  /** Directory that keeps the image from run to run. */
  cacheDirectory: string;
  signal?: AbortSignal | undefined;
  log?: CommandLog | undefined;
}

const build = async (image: string, options: BuildOptions): Promise<void> => {
  await using cleanup = new Cleanup();
  await makeBlankImage(image, recipe.diskBytes);
  const table = [
    'label: dos',
    `size=${recipe.rootMebibytes}MiB, type=83, bootable`,
    `size=${recipe.swapMebibytes}MiB, type=82`,
    'type=83',
  ];
  await run('sfdisk', ['--quiet', image], { input: `${table.join('\n')}\n`, log: options.log });
  const disk = await attachLoop(image);
  cleanup.add(() => detachLoop(disk));
  await showPartitions(disk);
  const [root, swap, home] = [1, 2, 3].map((number) => loopPartition(disk, number)) as [
    string,
    string,
    string,
  ];
  await run('mkfs.ext4', ['-q', root]);
  await run('mkswap', [swap]);
  await run('mkfs.ext4', ['-q', home]);

  const target = await mkdtemp(join(options.cacheDirectory, 'golden-root-'));
  cleanup.add(() => rmdir(target));
  await run('mount', [root, target]);
  cleanup.add(() => run('umount', [target]));
  // mmdebstrap makes / like a directory of its own choosing, mode 0700 from mkfs on some systems.
  await chmod(target, 0o755);
  await installDebian(target, options);
  await run('mount', [home, join(target, 'home')]);
  cleanup.add(() => run('umount', [join(target, 'home')]));
  await configure(target, {
    root: await readUuid(root),
    swap: await readUuid(swap),
    home: await readUuid(home),
  });
  const samples = join(target, 'home/samples');
  await mkdir(samples);
  await writeSampleData(samples, recipe.bulkMebibytes);
  await installGrub(target, disk, options);
};

/** Where the image of the present recipe is kept, built or not. */
const imagePath = async (cacheDirectory: string): Promise<string> => {
  const codename = await debianCodename(MADE_OF.what, MADE_OF.otherwise);
  const key = createHash('sha256')
    .update(JSON.stringify([recipe, codename]))
    .digest('hex');
  return join(cacheDirectory, `golden-${key.slice(0, 12)}.img`);
};

/** The cached image, or null when it must be built first (about a minute, as root). */
export const findGoldenDisk = async (cacheDirectory: string): Promise<string | null> => {
  const image = await imagePath(cacheDirectory);
  return existsSync(image) ? image : null;
};

/**
 * Builds the golden disk and returns the path of its image. Needs root, loop
 * devices and the machine's package sources.
 */
export const buildGoldenDisk = async (options: BuildOptions): Promise<string> => {
  await mkdir(options.cacheDirectory, { recursive: true });
  const image = await imagePath(options.cacheDirectory);
  const unfinished = `${image}.${process.pid}`;
  try {
    await build(unfinished, options);
    await rename(unfinished, image);
  } finally {
    await rm(unfinished, { force: true });
  }
  return image;
};
