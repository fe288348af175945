import { lstat, mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ClonePlan } from '../../desc/clone-plan.ts';
import { fstabStep } from '../../stage2/fstab.ts';
import { identityStep } from '../../stage2/identity.ts';
import { mountsUnder } from '../../stage2/mount-table.ts';
import { runSteps, type StepReport } from '../../stage2/runner.ts';
import { directoryFinishSteps, finishSteps, prepareSteps } from '../../stage2/steps.ts';
import { verifyStep } from '../../stage2/verify.ts';
import { run } from '../../system/run.ts';
import {
  type Bench,
  clonePlan,
  copyStream,
  MIB,
  makeBench,
  partition,
  planFor,
} from './support.ts';

const GOLDEN_ROOT = 'aaaaaaaa-0000-4000-8000-000000000001';
const GOLDEN_ID = '0123456789abcdef0123456789abcdef';

/** As much of a system as the steps look at. */
const makeFakeRoot = async (root: string): Promise<void> => {
  const files: Record<string, string> = {
    'etc/hostname': 'golden\n',
    'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 golden.lan golden\n',
    'etc/machine-id': `${GOLDEN_ID}\n`,
    'etc/fstab': `UUID=${GOLDEN_ROOT} / ext4 errors=remount-ro 0 1\ntmpfs /tmp tmpfs defaults 0 0\n`,
    'etc/default/grub': 'GRUB_DISABLE_LINUX_UUID=true\nGRUB_CMDLINE_LINUX="resume=/dev/vda2"\n',
    'boot/grub/grub.cfg': `linux /boot/vmlinuz-1 root=UUID=${GOLDEN_ROOT} ro\ninitrd /boot/initrd.img-1\n`,
    'boot/vmlinuz-1': 'kernel',
    'boot/initrd.img-1': 'initrd',
    'etc/udev/rules.d/70-persistent-net.rules': 'golden nic',
    'etc/udev/rules.d/99-own.rules': 'kept',
    'var/lib/dhcp/dhclient.eth0.leases': 'lease',
    'var/lib/systemd/random-seed': 'seed',
    'var/lib/systemd/credential.secret': 'secret',
    'var/lib/dbus/other': '',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await symlink('/etc/machine-id', join(root, 'var/lib/dbus/machine-id'));
  await mkdir(join(root, 'etc/ssh'));
  for (const type of ['ed25519', 'ecdsa']) {
    const file = join(root, `etc/ssh/ssh_host_${type}_key`);
    await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'root@golden', '-f', file]);
  }
  await writeFile(join(root, 'etc/ssh/ssh_host_dsa_key'), 'old');
};

/** The fake system copied onto a prepared disk. */
const copied = async (bench: Bench): Promise<ClonePlan> => {
  const golden = join(bench.directory, 'golden');
  await makeFakeRoot(golden);
  const { device } = await bench.disk(100 * MIB);
  const disk = await planFor(device, 'msdos', [
    partition(1, 60, { filesystem: { type: 'ext4', options: [] }, mount: '/', content: 'files' }),
    partition(2, null, { type: '82', filesystem: { type: 'swap', options: [] } }),
  ]);
  const [root, swap] = disk.partitions;
  if (root) root.golden = { device: '/dev/vda1', uuid: GOLDEN_ROOT };
  if (swap) swap.golden = { device: '/dev/vda2' };
  const stream = { name: 'files /', kind: 'files', disk: 'sda', partition: 1, mount: '/' } as const;
  const plan = clonePlan([disk], { streams: [stream] });
  await runSteps(prepareSteps, bench.context(plan), () => undefined);
  await copyStream(
    { kind: 'files', mount: '/', path: golden, exclude: [], mounts: ['/'], encoding: 'identity' },
    stream,
    bench.context(plan),
  );
  return plan;
};

describe('a copied system', () => {
  test('gets an identity of its own', async () => {
    await using bench = await makeBench();
    const plan = await copied(bench);
    const outcome = await identityStep.run(bench.context(plan));
    const read = (path: string): Promise<string> => readFile(join(bench.target, path), 'utf8');
    expect(await read('etc/hostname')).toBe('node01\n');
    expect(await read('etc/hosts')).toBe('127.0.0.1 localhost\n127.0.1.1 node01.lan node01\n');
    expect(await read('etc/machine-id')).toMatch(/^(?!0123456789abcdef)[0-9a-f]{32}\n$/);
    expect(await readlink(join(bench.target, 'var/lib/dbus/machine-id'))).toBe('/etc/machine-id');
    for (const type of ['ed25519', 'ecdsa']) {
      const key = await read(`etc/ssh/ssh_host_${type}_key.pub`);
      expect(key).toContain('root@node01');
      expect(key).not.toBe(
        await readFile(join(bench.directory, `golden/etc/ssh/ssh_host_${type}_key.pub`), 'utf8'),
      );
      expect((await lstat(join(bench.target, `etc/ssh/ssh_host_${type}_key`))).mode & 0o777).toBe(
        0o600,
      );
    }
    for (const gone of [
      'etc/udev/rules.d/70-persistent-net.rules',
      'var/lib/dhcp/dhclient.eth0.leases',
      'var/lib/systemd/random-seed',
      'var/lib/systemd/credential.secret',
    ]) {
      await expect(lstat(join(bench.target, gone))).rejects.toMatchObject({ code: 'ENOENT' });
    }
    expect(await read('etc/udev/rules.d/99-own.rules')).toBe('kept');
    expect(outcome.detail).toMatch(
      /host name node01.*new machine-id.*ssh host keys.*removed 1 udev rules, 1 dhcp leases, 2 random seeds/,
    );
    // The machine's own files are not what the clone's links point at.
    expect(await readFile('/etc/machine-id', 'utf8').catch(() => '')).not.toBe(
      await read('etc/machine-id'),
    );
    expect((await mountsUnder(bench.target)).map(({ mount }) => mount)).toEqual([bench.target]);
  });

  test('is pointed at its own partitions, and every finishing step reports its end', async () => {
    await using bench = await makeBench();
    const plan = await copied(bench);
    const reports: StepReport[] = [];
    await runSteps(finishSteps, bench.context(plan), (report) => reports.push(report));
    const ends = reports.filter(({ state }) => state !== 'progress' && state !== 'start');
    expect(ends.map(({ step, state }) => `${step}: ${state}`)).toEqual([
      'settle: skip',
      'mount copies: finish',
      'identity: finish',
      'phone home: finish',
      'fstab: finish',
      'initramfs: skip',
      'bootloader: skip',
      'verify: finish',
      'unmount: finish',
      'check file systems: finish',
    ]);
    await run('mount', [plan.disks[0]?.device.concat('p1') ?? '', bench.target]);
    const [root, swap] = plan.disks[0]?.partitions.map(({ filesystem }) => filesystem?.uuid) ?? [];
    const read = (path: string): Promise<string> => readFile(join(bench.target, path), 'utf8');
    expect(await read('etc/fstab')).toBe(
      `UUID=${root}\t/\text4\terrors=remount-ro\t0\t1\ntmpfs /tmp tmpfs defaults 0 0\nUUID=${swap}\tnone\tswap\tsw\t0\t0\n`,
    );
    expect(await read('boot/grub/grub.cfg')).toContain(`root=UUID=${root} ro`);
    expect(await read('etc/default/grub')).toBe(
      `# GRUB_DISABLE_LINUX_UUID=true\nGRUB_CMDLINE_LINUX="resume=UUID=${swap}"\n`,
    );
  });

  for (const [what, spoil] of [
    ['a kernel that is not there', (root: string) => run('rm', [join(root, 'boot/vmlinuz-1')])],
    [
      'an empty initrd',
      (root: string) => run('truncate', ['--size=0', join(root, 'boot/initrd.img-1')]),
    ],
    [
      "the golden's UUID left in a boot file",
      (root: string) => writeFile(join(root, 'boot/grub/custom.cfg'), GOLDEN_ROOT),
    ],
    [
      'a strange UUID in fstab',
      (root: string) => writeFile(join(root, 'etc/fstab'), 'UUID=1234-ABCD / vfat x 0 0\n'),
    ],
    ["the golden's host name", (root: string) => writeFile(join(root, 'etc/hostname'), 'golden\n')],
    [
      'a new UUID on the file system',
      (_root: string, device: string) => run('mkswap', ['-f', `${device}p2`]),
    ],
  ] as const) {
    test(`with ${what} is not verified`, async () => {
      await using bench = await makeBench();
      const plan = await copied(bench);
      const context = bench.context(plan);
      await runSteps([identityStep, fstabStep, verifyStep], context, () => undefined);
      await spoil(bench.target, plan.disks[0]?.device ?? '');
      await expect(verifyStep.run(context)).rejects.toMatchObject({ code: 'VerifyFailed' });
    });
  }

  test('in a directory gets its identity without any mount', async () => {
    await using bench = await makeBench();
    const golden = join(bench.directory, 'golden');
    await makeFakeRoot(golden);
    const stream = { name: 'files /', kind: 'files', disk: '', partition: 0, mount: '/' } as const;
    const plan = clonePlan([], { streams: [stream] });
    const context = bench.context(plan);
    await copyStream(
      { kind: 'files', mount: '/', path: golden, exclude: [], mounts: ['/'], encoding: 'zstd' },
      stream,
      context,
    );
    await runSteps(directoryFinishSteps, context, () => undefined);
    expect(await readFile(join(bench.target, 'etc/hostname'), 'utf8')).toBe('node01\n');
    expect(
      await readFile(join(bench.target, 'etc/ssh/ssh_host_ed25519_key.pub'), 'utf8'),
    ).toContain('root@node01');
  });
});
