// Brings a fresh machine to the point where `npm run demo`, `npm test` or the
// benchmarks can run: npm dependencies, Debian packages, the build. Plain
// JavaScript without dependencies, because it runs before there are any, on
// whatever Node the machine has. Does nothing, quickly, when all is there.
//
//   node scripts/setup.mjs demo|lab|test|bench

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A command or file that must be there, and the Debian package that brings it. */
const session = {
  sfdisk: 'fdisk',
  partx: 'util-linux',
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  'mkfs.vfat': 'dosfstools',
  tar: 'tar',
  zstd: 'zstd',
  rsync: 'rsync',
  ip: 'iproute2',
  mmdebstrap: 'mmdebstrap',
  getfattr: 'attr',
  setfacl: 'acl',
  setcap: 'libcap2-bin',
  findmnt: 'util-linux',
  sysctl: 'procps',
};
const needs = {
  demo: session,
  lab: {
    ...session,
    'qemu-system-x86_64': 'qemu-system-x86',
    '/usr/lib/ipxe/qemu/efi-virtio.rom': 'ipxe-qemu',
    '/usr/share/OVMF/OVMF_CODE_4M.fd': 'ovmf',
    dnsmasq: 'dnsmasq-base',
    '/usr/lib/PXELINUX/lpxelinux.0': 'pxelinux',
    '/usr/lib/syslinux/modules/bios/ldlinux.c32': 'syslinux-common',
    '/usr/lib/ipxe/snponly.efi': 'ipxe',
    mksquashfs: 'squashfs-tools',
    cpio: 'cpio',
    depmod: 'kmod',
    strip: 'binutils',
    mcopy: 'mtools',
    socat: 'socat',
    tmux: 'tmux',
  },
  test: {
    ...session,
    'qemu-system-x86_64': 'qemu-system-x86',
    '/usr/lib/ipxe/qemu/pxe-virtio.rom': 'ipxe-qemu',
    nc: 'netcat-openbsd',
    'mkfs.jfs': 'jfsutils',
    'mkfs.reiserfs': 'reiserfsprogs',
    'ssh-keygen': 'openssh-client',
    openssl: 'openssl',
    mksquashfs: 'squashfs-tools',
    'grub-install': 'grub2-common',
    tmux: 'tmux',
    cpio: 'cpio',
    modinfo: 'kmod',
    objcopy: 'binutils',
    busybox: 'busybox',
    curl: 'curl',
    python3: 'python3',
    'systemd-analyze': 'systemd',
    dnsmasq: 'dnsmasq-base',
    '/usr/lib/PXELINUX/lpxelinux.0': 'pxelinux',
    '/usr/lib/syslinux/modules/bios/ldlinux.c32': 'syslinux-common',
    '/usr/lib/ipxe/snponly.efi': 'ipxe',
    ss: 'iproute2',
    udhcpc: 'udhcpc',
    // As Debian configures them these two serve no interface; only their checkers are used.
    dhcpd: 'isc-dhcp-server',
    'kea-dhcp4': 'kea-dhcp4-server',
  },
  bench: {
    ...session,
    nc: 'netcat-openbsd',
    mbuffer: 'mbuffer',
    iperf3: 'iperf3',
    'udp-sender': 'udpcast',
    time: 'time',
    ss: 'iproute2',
  },
};

const say = (line) => process.stdout.write(`setup: ${line}\n`);

const fail = (line) => {
  process.stderr.write(`setup: ${line}\n`);
  process.exit(1);
};

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(0)} s`;

/** Runs one command with its output shown; ends setup with one line when it fails. */
const show = (what, command, args, env = {}) => {
  const since = Date.now();
  say(`${what} …`);
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (error) fail(`${what}: cannot run ${command}: ${error.message}`);
  if (status !== 0) fail(`${what}: ${command} exited ${status}; see its output above`);
  say(`${what}: done in ${seconds(since)}`);
};

const newest = (path) => {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
};

const readPackages = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;

/** True when node_modules holds what the lock file asks for (times of files say little after a checkout). */
const dependenciesInstalled = () => {
  const installedList = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedList)) return false;
  const installed = readPackages(installedList);
  return Object.entries(readPackages(join(root, 'package-lock.json'))).every(
    ([path, { version, optional }]) =>
      path === '' || (installed[path] ? installed[path].version === version : optional === true),
  );
};

const installDependencies = () => {
  if (dependenciesInstalled()) return;
  // Not `npm ci`: it refuses a lock file without the binaries of other platforms, which ours
  // leaves out. Versions are the lock file's all the same, and it is not rewritten.
  show('npm dependencies', 'npm', [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
};

const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'].filter(Boolean);
const hasCommand = (command) =>
  command.startsWith('/')
    ? existsSync(command)
    : directories.some((directory) => existsSync(join(directory, command)));

/** The one library of the pinned Node that a small Debian lacks. */
const packagesOfRuntime = () => {
  const { status } = spawnSync(join(root, 'node_modules/.bin/node'), ['--version']);
  return status === 0 ? [] : ['libatomic1'];
};

const installPackages = (wanted) => {
  const missing = Object.entries(wanted).filter(([command]) => !hasCommand(command));
  const names = [...missing.map(([, name]) => name), ...packagesOfRuntime()];
  if (names.length === 0) return;
  const packages = [...new Set(names)].sort();
  const named = packages.join(' ');
  if (process.getuid?.() !== 0) {
    say(`missing packages: ${named}; as root I would install them; going on without`);
    return;
  }
  if (!hasCommand('apt-get')) fail(`missing packages: ${named}; there is no apt-get, install them`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  const known = () =>
    spawnSync('apt-cache', ['show', '--no-all-versions', ...packages]).status === 0;
  if (!known()) show('package lists', 'apt-get', ['update', '-q'], env);
  say(`installing ${named}`);
  const first = spawnSync('apt-get', install, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (first.status === 0) return;
  // Old package lists name files the mirror has since replaced.
  show('package lists', 'apt-get', ['update', '-q'], env);
  show(`packages ${named}`, 'apt-get', install, env);
};

/** Sources of the bundles in dist/; a change in any of them means building again. */
const sources = [
  'cli',
  'golden',
  'client-agent',
  'stage2',
  'streams',
  'relay',
  'protocol',
  'trust',
  'desc',
  'images',
  'board',
  'system',
  'demo',
  'bench',
  'test',
  'scripts/build.mjs',
  'package-lock.json',
];

const buildBundles = () => {
  const built = join(root, 'dist/.built');
  const newestSource = Math.max(
    ...sources
      .map((name) => join(root, name))
      .filter((path) => existsSync(path))
      .map(newest),
  );
  if (existsSync(built) && newest(built) >= newestSource) return;
  show('build', 'npm', ['run', '--silent', 'build']);
};

const wanted = needs[process.argv[2]];
if (!wanted) fail(`say what to set up: ${Object.keys(needs).join(', ')}`);
installDependencies();
installPackages(wanted);
buildBundles();
