/** GRUB on the EFI system partition. */
import { unlink } from 'node:fs/promises';
import { GRUB_PLATFORM } from '../boot/loaders/grub.ts';
import { inside, orNull } from '../system/inside.ts';
import { NamedError } from '../system/named-error.ts';
import { writeBootEntry } from './boot-entry.ts';
import type { CloneRoot } from './clone-root.ts';
import { FALLBACK_LOADER, firstStage, loaderName, plannedEsp } from './esp.ts';
import type { StepContext } from './step.ts';

/**
 * Installs grub twice, under the golden's name and where firmware looks when
 * it has no entry, so that the node starts though its NVRAM was lost or cannot
 * be written. The entry itself comes last: it is the only part that may fail
 * without the node being lost. grub-install would fail as a whole with it.
 */
export const installGrubOnEsp = async (
  install: string,
  clone: CloneRoot,
  context: StepContext,
): Promise<string> => {
  const { plan, target } = context;
  const esp = plannedEsp(plan);
  const name = await loaderName(target, esp.mount);
  // Only the loaders for Secure Boot have one beside them; others would leave the golden's.
  for (const directory of ['BOOT', name]) {
    await orNull(unlink(await inside(target, `${esp.mount}/EFI/${directory}/grub.cfg`)));
  }
  const common = [`--target=${GRUB_PLATFORM.uefi}`, `--efi-directory=${esp.mount}`, '--no-nvram'];
  await clone.run(install, [...common, '--removable']);
  await clone.run(install, [...common, `--bootloader-id=${name}`]);
  const stage = await firstStage(target, esp.mount, name);
  if (stage === null) {
    throw new NamedError(
      'BootloaderMissing',
      `${install} left no loader in ${esp.mount}/EFI/${name}; look at the node's log`,
    );
  }
  const done = `grub (${GRUB_PLATFORM.uefi}) as ${stage} and ${FALLBACK_LOADER} on ${esp.device}`;
  const entry = await writeBootEntry({ esp, label: name, loader: stage }, clone, context);
  return entry.written
    ? `${done}; NVRAM entry ${entry.what}`
    : `${done}; NVRAM entry not written: ${entry.why}; boots by ${FALLBACK_LOADER}`;
};
