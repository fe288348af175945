/** GRUB 2 for BIOS, by the clone's own grub-install and grub-mkconfig. */
import { unlink } from 'node:fs/promises';
import type { DiskPlan } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';
import { checkBootConfig } from './boot-config.ts';
import type { CloneRoot } from './clone-root.ts';
import { entryInside, existsInside, orNull, readInside } from './inside.ts';
import { nodeReferences } from './node-references.ts';
import type { StepContext } from './step.ts';

/** Debian's names and places, and those of Fedora, Mageia and SUSE. */
const FAMILIES = [
  { install: 'grub-install', mkconfig: 'grub-mkconfig', directory: '/boot/grub' },
  { install: 'grub2-install', mkconfig: 'grub2-mkconfig', directory: '/boot/grub2' },
] as const;

const BIOS_MODULES = [
  '/usr/lib/grub/i386-pc',
  '/usr/share/grub2/i386-pc',
  '/usr/share/grub/i386-pc',
];

/**
 * Installs grub on `disk` and writes its configuration anew, then reads that
 * and throws `BootConfigWrong` unless every reference in it is the node's.
 */
export const installGrub = async (
  clone: CloneRoot,
  disk: DiskPlan,
  context: StepContext,
): Promise<string> => {
  const { target, plan } = context;
  const { install, mkconfig, directory } = await findFamily(target);
  // Names the golden's disks by their serial numbers.
  const deviceMap = await entryInside(target, `${directory}/device.map`);
  await orNull(unlink(deviceMap));
  await clone.run(install, ['--target=i386-pc', '--no-floppy', disk.device]);
  const configFile = `${directory}/grub.cfg`;
  await clone.run(mkconfig, ['-o', configFile]);
  checkBootConfig(
    configFile,
    (await readInside(target, configFile)) ?? '',
    await nodeReferences(plan, context),
  );
  return `grub (i386-pc) on ${disk.device}`;
};

const findFamily = async (root: string): Promise<(typeof FAMILIES)[number]> => {
  for (const family of FAMILIES) {
    for (const place of ['/usr/sbin', '/sbin', '/usr/bin']) {
      if (!(await existsInside(root, `${place}/${family.install}`))) continue;
      for (const modules of BIOS_MODULES) if (await existsInside(root, modules)) return family;
    }
  }
  throw new NamedError(
    'BootloaderMissing',
    'the clone has no grub for BIOS (grub-install with i386-pc); install it on the golden or choose another bootloader',
  );
};
