/** Makes a golden disk bootable, from the packages of its own system. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import { type CommandLog, run } from '../system/run.ts';
import { Cleanup } from './cleanup.ts';
import type { Firmware } from './golden-layouts.ts';
import { makePrivateDev } from './private-dev.ts';

export interface GoldenParts {
  firmware: Firmware;
  /** Where its system is mounted. */
  target: string;
  /** Its disk: /dev/loop3. */
  disk: string;
  rootUuid: string;
  /** Device of the EFI system partition, if there is one. */
  esp: string | undefined;
  signal?: AbortSignal | undefined;
  log?: CommandLog | undefined;
}

const ESP_BOOT = 'boot/efi/EFI/BOOT';
const ESP_DEBIAN = 'boot/efi/EFI/debian';

/** What Debian's grub-install puts there; [in the system, on the EFI system partition]. */
const efiFiles = [
  ['usr/lib/shim/shimx64.efi.signed', `${ESP_DEBIAN}/shimx64.efi`],
  ['usr/lib/shim/mmx64.efi.signed', `${ESP_DEBIAN}/mmx64.efi`],
  ['usr/lib/shim/fbx64.efi.signed', `${ESP_DEBIAN}/fbx64.efi`],
  ['usr/lib/shim/BOOTX64.CSV', `${ESP_DEBIAN}/BOOTX64.CSV`],
  ['usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed', `${ESP_DEBIAN}/grubx64.efi`],
  ['usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed', `${ESP_BOOT}/BOOTX64.EFI`],
] as const;

/**
 * Fills the EFI system partition without mounting it: kernels without vfat can
 * build this disk too. The files stay in the directory below it as well, from
 * where such a machine clones them.
 */
const fillEsp = async ({ target, rootUuid, esp, log }: GoldenParts): Promise<void> => {
  if (esp === undefined) return;
  for (const directory of [ESP_BOOT, ESP_DEBIAN]) {
    await mkdir(join(target, directory), { recursive: true });
  }
  for (const [from, to] of efiFiles) await copyFile(join(target, from), join(target, to));
  const config = [
    `search.fs_uuid ${rootUuid} root`,
    `set prefix=($root)'/boot/grub'`,
    'configfile $prefix/grub.cfg',
    '',
  ].join('\n');
  await writeFile(join(target, ESP_DEBIAN, 'grub.cfg'), config);
  await run('mcopy', ['-s', '-i', esp, join(target, 'boot/efi/EFI'), '::/'], { log });
};

/** Initramfs, grub and its configuration. */
export const makeBootable = async (parts: GoldenParts): Promise<void> => {
  const { firmware, target, disk, signal, log } = parts;
  await using cleanup = new Cleanup();
  await makePrivateDev(join(target, 'dev'), disk, cleanup);
  for (const [type, place] of [
    ['proc', 'proc'],
    ['sysfs', 'sys'],
  ] as const) {
    await run('mount', ['-t', type, type, join(target, place)]);
    cleanup.add(() => run('umount', [join(target, place)]));
  }
  const inside = { root: target, signal, log };
  await run('update-initramfs', ['-u', '-k', 'all'], inside);
  if (firmware === 'bios') await run('grub-install', ['--target=i386-pc', disk], inside);
  else await fillEsp(parts);
  await run('update-grub', [], inside);
  const config = await readFile(join(target, 'boot/grub/grub.cfg'), 'utf8');
  if (/root=\/dev\//.test(config)) {
    throw new NamedError(
      'GoldenNotBootable',
      'grub.cfg of the golden disk names its root by device, not by UUID',
    );
  }
};
