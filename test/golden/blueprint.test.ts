import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { DiskFacts } from '../../desc/facts.ts';
import { makeBlueprint } from '../../golden/blueprint.ts';
import type { Hello } from '../../protocol/admission.ts';
import { someHello } from '../support/hello.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const sda: DiskFacts = {
  name: 'sda',
  device: '/dev/sda',
  sizeBytes: 8 * 1024 ** 3,
  sectorBytes: 512,
  readOnly: false,
  inUse: [],
  table: 'none',
  partitions: [],
};

const helloOf = (firmware: 'bios' | 'uefi', target: Hello['target'] = 'disks'): Hello => {
  const hello = someHello({ target, reboot: true });
  const disks = target === 'disks' ? [sda] : [];
  return { ...hello, inventory: { ...hello.inventory, firmware, disks } };
};

const DESCRIPTION = `disks:
  - name: sda
    table: gpt
    partitions:
      - { size: 64MiB, filesystem: vfat, mount: /boot/efi }
      - { size: fill, filesystem: ext4, mount: / }
`;

test('a golden in a directory gives the files of its EFI system partition as a stream of their own', async () => {
  await using temp = await makeTempDir();
  const root = join(temp.path, 'root');
  for (const path of [
    'etc/hostname',
    'boot/grub/grub.cfg',
    'boot/efi/EFI/debian/grubx64.efi',
    'usr/lib/grub/x86_64-efi/normal.mod',
    'usr/sbin/grub-install',
    'usr/sbin/grub-mkconfig',
  ]) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), 'golden');
  }
  const file = join(temp.path, 'esp.yaml');
  await writeFile(file, DESCRIPTION);
  const { signal } = new AbortController();
  const blueprint = await makeBlueprint(
    {
      root,
      network: 'open',
      descriptions: [['sda', file]],
      exclude: [],
      skipDevices: undefined,
      rawPartitions: [],
      bootCodeOf: [],
      bootCodeFiles: [],
      bootloader: undefined,
      mayCompress: true,
    },
    signal,
  );
  expect(blueprint.sources.map(({ plan }) => plan)).toEqual([
    { name: '/', kind: 'files', disk: 'sda', partition: 2, mount: '/' },
    { name: '/boot/efi', kind: 'files', disk: 'sda', partition: 1, mount: '/boot/efi' },
  ]);
  expect(blueprint.settleTrees).toEqual([
    { mount: '/', path: root, excluded: ['/boot/efi'] },
    { mount: '/boot/efi', path: join(root, 'boot/efi'), excluded: [] },
  ]);
  expect(blueprint.summary).toContain('Nodes may boot by UEFI');

  const plan = blueprint.planFor(helloOf('uefi'), 'node01');
  expect(plan.bootloader).toEqual({
    kind: 'grub',
    firmware: 'uefi',
    disk: 'sda',
    initramfsModules: [],
    initramfsOptions: [],
  });
  expect(plan.disks[0]?.partitions.map(({ type, mount }) => [mount, type])).toEqual([
    ['/boot/efi', 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'],
    ['/', '0FC63DAF-8483-4772-8E79-3D69D8477DE4'],
  ]);
  expect(() => blueprint.planFor(helloOf('bios'), 'node02')).toThrow(
    expect.objectContaining({ code: 'FirmwareMismatch' }),
  );
  // What is cloned into a directory is not started.
  expect(blueprint.planFor(helloOf('bios', 'directory'), 'node03').bootloader.kind).toBe('none');
});
