/** GRUB 2, by the clone's own grub-install and grub-mkconfig. */
import { unlink } from 'node:fs/promises';
import { findGrubFamily, GRUB_PLATFORM } from '../boot/loaders/grub.ts';
import type { DiskPlan } from '../desc/clone-plan.ts';
import { entryInside, orNull, readInside } from '../system/inside.ts';
import { checkBootConfig } from './boot-config.ts';
import { missingInClone } from './clone-part.ts';
import type { CloneRoot } from './clone-root.ts';
import { installGrubOnEsp } from './grub-efi.ts';
import { nodeReferences } from './node-references.ts';
import type { StepContext } from './step.ts';

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
  const family = await findGrubFamily(target);
  if (!family) throw missingInClone('grub-install');
  const { install, mkconfig, directory } = family;
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
