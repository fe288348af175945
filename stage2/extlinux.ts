/** EXTLINUX for BIOS, by the clone's own program. */
import { readFile } from 'node:fs/promises';
import type { DiskPlan } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';
import { checkBootConfig } from './boot-config.ts';
import { writeBootCode } from './boot-sector.ts';
import type { CloneRoot } from './clone-root.ts';
import { existsInside, inside, listInside, readInside } from './inside.ts';
import { nodeReferences } from './node-references.ts';
import type { StepContext } from './step.ts';

const DIRECTORIES = ['/boot/extlinux', '/boot/syslinux', '/extlinux'];

/** Where distributions keep the code that starts the active partition. */
const BOOT_CODE_PLACES = [
  '/usr/lib/EXTLINUX',
  '/usr/lib/syslinux/mbr',
  '/usr/lib/syslinux/bios',
  '/usr/lib/syslinux',
  '/usr/share/syslinux',
];

/**
 * Writes extlinux's loader into the file system of its directory and the code
 * that jumps to it in front of the partition table. The configuration itself
 * was brought over with the files and has the node's UUIDs since the fstab step.
 */
export const installExtlinux = async (
  clone: CloneRoot,
  disk: DiskPlan,
  context: StepContext,
): Promise<string> => {
  const { target, plan } = context;
  const directory = await firstInside(target, DIRECTORIES, 'an extlinux directory in /boot');
  const codeFile = disk.table === 'gpt' ? 'gptmbr.bin' : 'mbr.bin';
  const code = await firstInside(
    target,
    BOOT_CODE_PLACES.map((place) => `${place}/${codeFile}`),
    codeFile,
  );
  await clone.run('extlinux', ['--install', directory]);
  await writeBootCode(disk, await readFile(await inside(target, code)));
  const references = await nodeReferences(plan, context);
  for (const name of await listInside(target, directory)) {
    if (!/\.(conf|cfg)$/.test(name)) continue;
    const path = `${directory}/${name}`;
    checkBootConfig(path, (await readInside(target, path)) ?? '', references);
  }
  return `extlinux in ${directory}, ${codeFile} on ${disk.device}`;
};

const firstInside = async (
  root: string,
  paths: readonly string[],
  what: string,
): Promise<string> => {
  for (const path of paths) if (await existsInside(root, path)) return path;
  throw new NamedError(
    'BootloaderMissing',
    `the clone has no ${what}; install extlinux on the golden or choose another bootloader`,
  );
};
