/**
 * The demo's golden node: a small real Debian on a disk image, for machines that
 * boot by BIOS (ext4 `/`, swap, ext4 `/home`) or by UEFI (EFI system partition,
 * swap, ext4 `/`). Built once and kept.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debianCodename, makeDebianRoot } from '../images/debian-root.ts';
import { type CommandLog, run } from '../system/run.ts';
import { Cleanup } from './cleanup.ts';
import { makeBootable } from './golden-bootloader.ts';
import { type Firmware, type GoldenPartition, goldenLayouts } from './golden-layouts.ts';
import {
  attachLoop,
  detachLoop,
  loopPartition,
  makeBlankImage,
  showPartitions,
} from './loop-disk.ts';
import { writeSampleData } from './sample-data.ts';

const MIB = 1024 * 1024;

/** Everything the image depends on beside its layout: a change here makes a new image. */
const recipe = {
  version: 3,
  diskBytes: 3072 * MIB,
  bulkMebibytes: 60,
  hostname: 'golden',
  packages: [
    'linux-image-cloud-amd64',
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

/** The classic description of the BIOS disk, for `ka golden -p sda FILE`. */
export const goldenDescription = goldenLayouts.bios.describe('sda').text;

const MADE_OF = {
  what: "the demo's golden disk is made",
  otherwise: 'give an image with --golden IMG',
};

const installDebian = (
  target: string,
  packages: readonly string[],
  { signal, log }: BuildOptions,
): Promise<void> =>
  makeDebianRoot(target, {
    variant: 'minbase',
    packages: [...recipe.packages, ...packages],
    signal,
    log,
    ...MADE_OF,
  });

/** A partition of the disk being built. */
interface Made extends GoldenPartition {
  device: string;
  uuid: string;
}

const readUuid = async (device: string): Promise<string> =>
  (await run('blkid', ['-p', '-s', 'UUID', '-o', 'value', device])).stdout.trim();

/** Asks any DHCP server for an address, as machines in a cluster do. */
const networkFile = `[Match]
Type=ether

[Network]
DHCP=ipv4
`;

const fstabLine = ({ uuid, mount, fstab: [type, options, pass] }: Made): string =>
  `UUID=${uuid} ${mount ?? 'none'} ${type} ${options} 0 ${pass}`;

/** Gives the system its name, identity, fstab, network and a login on the serial console. */
const configure = async (target: string, partitions: readonly Made[]): Promise<void> => {
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
      ...partitions.map(fstabLine),
      'tmpfs /tmp tmpfs nosuid,nodev 0 0',
      '',
    ].join('\n'),
  );
  await mkdir(join(target, 'etc/initramfs-tools/conf.d'), { recursive: true });
  const swap = partitions.find(({ fstab: [type] }) => type === 'swap');
  await write('etc/initramfs-tools/conf.d/resume', `RESUME=UUID=${swap?.uuid ?? ''}\n`);
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
  await write('etc/systemd/network/ethernet.network', networkFile);
  await run('systemctl', ['enable', 'systemd-networkd.service'], { root: target });
  await run('chpasswd', [], { root: target, input: 'root:ka\n' });
  await run('useradd', ['--create-home', '--shell', '/bin/bash', 'alice'], { root: target });
  await run('setcap', ['cap_net_raw+ep', '/usr/bin/ping'], { root: target });
};

export interface BuildOptions {
  /** Directory that keeps the image from run to run. */
  cacheDirectory: string;
  /** Default: bios. */
  firmware?: Firmware | undefined;
  signal?: AbortSignal | undefined;
  log?: CommandLog | undefined;
}

const partitionDisk = async (
  image: string,
  firmware: Firmware,
  { cleanup, log }: { cleanup: Cleanup; log: CommandLog | undefined },
): Promise<{ disk: string; partitions: Made[] }> => {
  const { table, partitions } = goldenLayouts[firmware];
  await makeBlankImage(image, recipe.diskBytes);
  const lines = partitions.map(({ type, mebibytes }) =>
    [...(mebibytes === null ? [] : [`size=${mebibytes}MiB`]), `type=${type}`].join(', '),
  );
  const input = `${[`label: ${table}`, ...lines].join('\n')}\n`;
  await run('sfdisk', ['--quiet', image], { input, log });
  const disk = await attachLoop(image);
  cleanup.add(() => detachLoop(disk));
  await showPartitions(disk);
  const made: Made[] = [];
  for (const [index, partition] of partitions.entries()) {
    const device = loopPartition(disk, index + 1);
    const [command, ...args] = partition.mkfs;
    await run(command, [...args, device], { log });
    made.push({ ...partition, device, uuid: await readUuid(device) });
  }
  return { disk, partitions: made };
};

const build = async (image: string, options: BuildOptions): Promise<void> => {
  const { firmware = 'bios', signal, log } = options;
  await using cleanup = new Cleanup();
  const { disk, partitions } = await partitionDisk(image, firmware, { cleanup, log });
  const target = await mkdtemp(join(options.cacheDirectory, 'golden-root-'));
  cleanup.add(() => rmdir(target));
  const at = (mount: string) => partitions.find((partition) => partition.mount === mount);
  const mount = async (place: string) => {
    const { device } = at(place) ?? {};
    if (device === undefined) return;
    await run('mount', [device, join(target, place)]);
    cleanup.add(() => run('umount', [join(target, place)]));
  };
  await mount('/');
  // mmdebstrap makes / like a directory of its own choosing, mode 0700 from mkfs on some systems.
  await chmod(target, 0o755);
  await installDebian(target, goldenLayouts[firmware].packages, options);
  await mount('/home');
  await configure(target, partitions);
  const samples = join(target, 'home/samples');
  await mkdir(samples);
  await writeSampleData(samples, recipe.bulkMebibytes);
  const rootUuid = at('/')?.uuid ?? '';
  const esp = at('/boot/efi')?.device;
  await makeBootable({ firmware, target, disk, rootUuid, esp, signal, log });
};

/** Where the image of the present recipe is kept, built or not. */
const imagePath = async (cacheDirectory: string, firmware: Firmware): Promise<string> => {
  const codename = await debianCodename(MADE_OF.what, MADE_OF.otherwise);
  const key = createHash('sha256')
    .update(JSON.stringify([recipe, goldenLayouts[firmware], codename]))
    .digest('hex');
  return join(cacheDirectory, `golden-${key.slice(0, 12)}.img`);
};

/** The cached image, or null when it must be built first (about a minute, as root). */
export const findGoldenDisk = async (
  cacheDirectory: string,
  firmware: Firmware = 'bios',
): Promise<string | null> => {
  const image = await imagePath(cacheDirectory, firmware);
  return existsSync(image) ? image : null;
};

/**
 * Builds the golden disk and returns the path of its image. Needs root, loop
 * devices and the machine's package sources.
 */
export const buildGoldenDisk = async (options: BuildOptions): Promise<string> => {
  await mkdir(options.cacheDirectory, { recursive: true });
  const image = await imagePath(options.cacheDirectory, options.firmware ?? 'bios');
  const unfinished = `${image}.${process.pid}`;
  try {
    await build(unfinished, options);
    await rename(unfinished, image);
  } finally {
    await rm(unfinished, { force: true });
  }
  return image;
};
