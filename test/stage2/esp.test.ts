import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ClonePlan, DiskPlan } from '../../desc/clone-plan.ts';
import { typeCode } from '../../desc/partition-types.ts';
import { rewriteBootFiles } from '../../stage2/boot-references.ts';
import { bootloaderStep } from '../../stage2/bootloader.ts';
import { espProblems, loaderName } from '../../stage2/esp.ts';
import type { NodeReference } from '../../stage2/node-references.ts';
import { plannedPartitions } from '../../stage2/planned-partitions.ts';
import type { StepContext } from '../../stage2/step.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { clonePlan } from './support.ts';

const NODE_ROOT = '11111111-2222-4333-8444-555555555555';
const GOLDEN_ROOT = 'aaaaaaaa-0000-4000-8000-000000000001';
const PROGRAM = 'MZ then more';

const disk: DiskPlan = {
  name: 'sda',
  device: '/dev/sda',
  sizeBytes: 1,
  sectorBytes: 512,
  table: 'gpt',
  tableId: 'x',
  keepsData: false,
  partitions: (['/boot/efi', '/'] as const).map((mount, index) => ({
    number: index + 1,
    role: 'primary',
    startSector: 2048,
    sizeSectors: 2048,
    type: typeCode('gpt', mount === '/' ? 'linux' : 'esp') ?? '',
    flags: [],
    content: 'files',
    mount,
    golden: mount === '/' ? { device: '/dev/vda2', uuid: GOLDEN_ROOT } : { device: '/dev/vda1' },
  })),
};

const plan: ClonePlan = clonePlan([disk], {
  bootloader: { kind: 'grub', firmware: 'uefi', initramfsModules: [], initramfsOptions: [] },
});

const references: NodeReference[] = plannedPartitions(plan).map((planned) => ({
  ...planned,
  type: planned.partition.mount === '/' ? 'ext4' : 'vfat',
  uuid: planned.partition.mount === '/' ? NODE_ROOT : '1234-ABCD',
  label: undefined,
  partUuid: undefined,
}));

const writeAll = async (root: string, files: Record<string, string>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
};

const signed = {
  'etc/os-release': 'PRETTY_NAME="Debian"\nID=debian\n',
  'boot/efi/EFI/BOOT/BOOTX64.EFI': PROGRAM,
  'boot/efi/EFI/BOOT/grub.cfg': `search.fs_uuid ${GOLDEN_ROOT} root hd0,gpt2\n`,
  'boot/efi/EFI/debian/shimx64.efi': PROGRAM,
  'boot/efi/EFI/debian/grubx64.efi': PROGRAM,
  'boot/efi/EFI/debian/grub.cfg': `search.fs_uuid ${GOLDEN_ROOT} root hd0,gpt2\n`,
};

describe('an EFI system partition', () => {
  let temp: TempDir;
  let root: string;

  beforeEach(async () => {
    temp = await makeTempDir();
    root = temp.path;
    await writeAll(root, signed);
  });

  afterEach(async () => {
    await temp[Symbol.asyncDispose]();
  });

  const problems = () => espProblems(references, { plan, target: root });

  test('as it came leads to the golden, as rewritten to the node', async () => {
    expect(await problems()).toEqual([
      `/boot/efi/EFI/debian/grub.cfg does not name ${NODE_ROOT}`,
      `/boot/efi/EFI/BOOT/grub.cfg does not name ${NODE_ROOT}`,
    ]);
    expect(await rewriteBootFiles(root, references)).toEqual([
      '/boot/efi/EFI/BOOT/grub.cfg',
      '/boot/efi/EFI/debian/grub.cfg',
    ]);
    expect(await problems()).toEqual([]);
  });

  test('with grubs that know the node themselves needs no file that does', async () => {
    await rm(join(root, 'boot/efi/EFI/BOOT/grub.cfg'));
    await rm(join(root, 'boot/efi/EFI/debian/grub.cfg'));
    expect(await problems()).toEqual([
      `no loader in /boot/efi/EFI/debian leads to ${NODE_ROOT}`,
      `no loader in /boot/efi/EFI/BOOT leads to ${NODE_ROOT}`,
    ]);
    const write = async (lead: string) => {
      const program = `${PROGRAM} ${lead}/boot/grub`;
      await writeFile(join(root, 'boot/efi/EFI/BOOT/BOOTX64.EFI'), program);
      await writeFile(join(root, 'boot/efi/EFI/debian/grubx64.efi'), program);
    };
    await write(`search.fs_uuid ${NODE_ROOT} root`);
    expect(await problems()).toEqual([]);
    await write('(,gpt2)');
    expect(await problems()).toEqual([]);
    await write('(,gpt3)');
    expect(await problems()).toHaveLength(2);
  });

  test('without programs is not right', async () => {
    await rewriteBootFiles(root, references);
    await writeFile(join(root, 'boot/efi/EFI/BOOT/BOOTX64.EFI'), '');
    await rm(join(root, 'boot/efi/EFI/debian'), { recursive: true });
    expect(await problems()).toEqual([
      '/boot/efi/EFI/BOOT/BOOTX64.EFI is not an EFI program',
      '/boot/efi/EFI/debian has no shimx64.efi or grubx64.efi',
      `no loader in /boot/efi/EFI/debian leads to ${NODE_ROOT}`,
    ]);
  });

  test('keeps the name its loader has', async () => {
    const name = () => loaderName(root, '/boot/efi');
    await writeAll(root, { 'boot/efi/EFI/Cluster/GRUBX64.EFI': PROGRAM });
    expect(await name()).toBe('debian');
    await rm(join(root, 'boot/efi/EFI/debian'), { recursive: true });
    expect(await name()).toBe('Cluster');
    await rm(join(root, 'boot/efi/EFI/Cluster'), { recursive: true });
    expect(await name()).toBe('debian');
  });

  test('gets no grub from a clone that has none for it, and is told what is missing', async () => {
    const stream = { name: '/', kind: 'files', disk: 'sda', partition: 2, mount: '/' } as const;
    const context: StepContext = {
      plan: { ...plan, streams: [stream] },
      target: root,
      signal: new AbortController().signal,
      log: () => undefined,
      progress: () => undefined,
      settle: null,
      home: null,
      reboot: false,
    };
    const install = () => bootloaderStep.run(context);
    await expect(install()).rejects.toMatchObject({
      code: 'BootloaderMissing',
      message: expect.stringContaining('no grub-install or grub2-install, grub-mkconfig'),
    });
    await writeAll(root, {
      'usr/sbin/grub-install': '',
      'usr/sbin/grub-mkconfig': '',
      'usr/lib/grub/i386-pc/normal.mod': '',
    });
    await expect(install()).rejects.toMatchObject({
      code: 'BootloaderMissing',
      message: expect.stringContaining('the clone has no /usr/lib/grub/x86_64-efi;'),
    });
  });
});
