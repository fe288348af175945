/** GRUB 2, by the clone's own grub-install and grub-mkconfig. */
import { unlink } from 'node:fs/promises';
import { GRUB_PLATFORM, grubModules } from '../desc/boot-partitions.ts';
import type { DiskPlan, Firmware } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';
import { checkBootConfig } from './boot-config.ts';
import type { CloneRoot } from './clone-root.ts';
import { installGrubOnEsp } from './grub-efi.ts';
import { entryInside, existsInside, orNull, readInside } from './inside.ts';
import { nodeReferences } from './node-references.ts';
import type { StepContext } from './step.ts';

/** Debian's names and places, and those of Fedora, Mageia and SUSE. */
const FAMILIES = [
  { install: 'grub-install', mkconfig: 'grub-mkconfig', directory: '/boot/grub' },
  { install: 'grub2-install', mkconfig: 'grub2-mkconfig', directory: '/boot/grub2' },
] as const;

/**
 * Installs grub on `disk` (for UEFI: on the EFI system partition) and writes
 * its configuration anew, then reads that and throws `BootConfigWrong` unless
 * every reference in it is the node's.
 */
export const installGrub = async (
  clone: CloneRoot,
  disk: DiskPlan,
  context: StepContext,
): Promise<string> => {
  const { target, plan } = context;
  const { firmware } = plan.bootloader;
  const { install, mkconfig, directory } = await findFamily(target, firmware);
  // Names the golden's disks by their serial numbers.
  const deviceMap = await entryInside(target, `${directory}/device.map`);
  await orNull(unlink(deviceMap));
  const detail =
    firmware === 'uefi'
      ? await installGrubOnEsp(install, clone, context)
      : await installGrubOnDisk(install, clone, disk);
  const configFile = `${directory}/grub.cfg`;
  await clone.run(mkconfig, ['-o', configFile]);
  checkBootConfig(
    configFile,
    (await readInside(target, configFile)) ?? '',
    await nodeReferences(plan, context),
  );
  return detail;
};

const installGrubOnDisk = async (
  install: string,
  clone: CloneRoot,
  { device }: DiskPlan,
): Promise<string> => {
  await clone.run(install, [`--target=${GRUB_PLATFORM.bios}`, '--no-floppy', device]);
  return `grub (${GRUB_PLATFORM.bios}) on ${device}`;
};

const findFamily = async (root: string, firmware: Firmware): Promise<(typeof FAMILIES)[number]> => {
  const family = await findTools(root);
  if (!family) throw missing('neither grub-install nor grub2-install');
  for (const modules of grubModules(firmware)) {
    if (await existsInside(root, modules)) return family;
  }
  throw missing(`${family.install}, but nothing in ${grubModules(firmware)[0]}`);
};

const findTools = async (root: string): Promise<(typeof FAMILIES)[number] | null> => {
  for (const family of FAMILIES) {
    for (const place of ['/usr/sbin', '/sbin', '/usr/bin']) {
      if (await existsInside(root, `${place}/${family.install}`)) return family;
    }
  }
  return null;
};

const missing = (what: string): NamedError =>
  new NamedError(
    'BootloaderMissing',
    `the clone has ${what}; install it on the golden or choose another bootloader`,
  );
