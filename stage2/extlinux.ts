/** EXTLINUX for BIOS, by the clone's own program. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { EXTLINUX_DIRECTORY, extlinuxCode } from '../boot/loaders/extlinux.ts';
import type { DiskPlan } from '../desc/clone-plan.ts';
import { inside, listInside, readInside } from '../system/inside.ts';
import { checkBootConfig } from './boot-config.ts';
import { writeBootCode } from './boot-sector.ts';
import { partOfClone } from './clone-part.ts';
import type { CloneRoot } from './clone-root.ts';
import { nodeReferences } from './node-references.ts';
import type { StepContext } from './step.ts';

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
  const directory = await partOfClone(target, EXTLINUX_DIRECTORY);
  const code = await partOfClone(target, extlinuxCode(disk.table));
  await clone.run('extlinux', ['--install', directory]);
  await writeBootCode(disk, await readFile(await inside(target, code)));
  const references = await nodeReferences(plan, context);
  for (const name of await listInside(target, directory)) {
    if (!/\.(conf|cfg)$/.test(name)) continue;
    const path = `${directory}/${name}`;
    checkBootConfig(path, (await readInside(target, path)) ?? '', references);
  }
  return `extlinux in ${directory}, ${basename(code)} on ${disk.device}`;
};
