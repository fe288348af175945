/** The clone's EFI system partition: which loaders lie there, and whether they lead to this node's system. */
import { readFile } from 'node:fs/promises';
import { findEsp } from '../desc/boot-partitions.ts';
import type { ClonePlan } from '../desc/clone-plan.ts';
import { inside, listInside, orNull, readInside } from '../system/inside.ts';
import { NamedError } from '../system/named-error.ts';
import type { NodeReference } from './node-references.ts';
import type { PlannedPartition } from './planned-partitions.ts';
import { findPartition } from './planned-partitions.ts';
import type { StepContext } from './step.ts';

/** Where firmware looks when it knows of no entry: UEFI specification 2.10, 3.5.1.1. */
export const FALLBACK_LOADER = 'EFI/BOOT/BOOTX64.EFI';

/** The first stage of a loader directory: shim where the system has one, for Secure Boot. */
const FIRST_STAGES = ['shimx64.efi', 'grubx64.efi'];

export interface PlannedEsp extends PlannedPartition {
  mount: string;
}

/** Throws `PlanBroken` when the plan has none, which planning should have refused. */
export const plannedEsp = (plan: ClonePlan): PlannedEsp => {
  const found = findEsp(plan.disks);
  if (!found) {
    throw new NamedError(
      'PlanBroken',
      'the plan wants a boot loader for UEFI, but has no mounted EFI system partition; plan again',
    );
  }
  const { disk, partition, mount } = found;
  return { ...findPartition(plan, disk.name, partition.number), mount };
};

/** Directories in EFI/ that hold a grub, without the fallback. */
const loaderDirectories = async (root: string, mount: string): Promise<string[]> => {
  const found: string[] = [];
  for (const name of await listInside(root, `${mount}/EFI`)) {
    if (name.toUpperCase() === 'BOOT') continue;
    const files = await listInside(root, `${mount}/EFI/${name}`);
    if (files.some((file) => file.toLowerCase() === 'grubx64.efi')) found.push(name);
  }
  return found;
};

/**
 * What the golden calls its loader: the directory it has on its own EFI system
 * partition. Signed grubs only look for their configuration in the directory
 * of their distribution, so that comes first, and is the name where there is
 * none yet.
 */
export const loaderName = async (root: string, mount: string): Promise<string> => {
  const release =
    (await readInside(root, '/etc/os-release')) ??
    (await readInside(root, '/usr/lib/os-release')) ??
    '';
  const distribution = /^ID="?([\w.-]+)"?\s*$/m.exec(release)?.[1] ?? 'grub';
  const found = await loaderDirectories(root, mount);
  return found.find((name) => name.toLowerCase() === distribution) ?? found[0] ?? distribution;
};

/** Path of the program the firmware is to start, below the mount point; null when there is none. */
export const firstStage = async (
  root: string,
  mount: string,
  name: string,
): Promise<string | null> => {
  const files = await listInside(root, `${mount}/EFI/${name}`);
  const found = FIRST_STAGES.find((stage) => files.some((file) => file.toLowerCase() === stage));
  return found === undefined ? null : `EFI/${name}/${found}`;
};

/** PE/COFF programs, as EFI's are, begin with it. */
const PROGRAM_MARK = 'MZ';

const programProblem = async (root: string, path: string): Promise<string[]> => {
  const bytes = await orNull(readFile(await inside(root, path)));
  if (bytes === null) return [`${path} is not there`];
  return bytes.toString('latin1', 0, PROGRAM_MARK.length) === PROGRAM_MARK
    ? []
    : [`${path} is not an EFI program`];
};

/**
 * What is wrong on the EFI system partition, one line each: a loader missing,
 * or one that looks for its menu elsewhere. A signed grub knows the menu's file
 * system by the UUID in the grub.cfg beside it. One that is built on the node
 * knows in itself: by number where the menu is on the same disk, else by UUID.
 */
export const espProblems = async (
  references: readonly NodeReference[],
  { plan, target }: Pick<StepContext, 'plan' | 'target'>,
): Promise<string[]> => {
  const { mount, disk } = plannedEsp(plan);
  const name = await loaderName(target, mount);
  const stage = await firstStage(target, mount, name);
  const menu =
    references.find(({ partition }) => partition.mount === '/boot') ??
    references.find(({ partition }) => partition.mount === '/');
  if (!menu?.uuid) return ['no file system of the plan holds the menu of grub'];
  const marks: Marks = {
    uuid: menu.uuid,
    place: menu.disk.name === disk.name ? `(,${menu.disk.table}${menu.partition.number})/` : null,
  };
  return [
    ...(await programProblem(target, `${mount}/${FALLBACK_LOADER}`)),
    ...(stage === null
      ? [`${mount}/EFI/${name} has no ${FIRST_STAGES.join(' or ')}`]
      : await programProblem(target, `${mount}/${stage}`)),
    ...(await leadProblems(target, `${mount}/EFI/${name}`, 'grubx64.efi', marks)),
    ...(await leadProblems(target, `${mount}/EFI/BOOT`, 'bootx64.efi', marks)),
  ];
};

/** How a grub of this node finds its menu. */
interface Marks {
  uuid: string;
  /** As grub writes a partition of the disk it was started from: "(,gpt2)/". */
  place: string | null;
}

const leadProblems = async (
  root: string,
  directory: string,
  grub: string,
  { uuid, place }: Marks,
): Promise<string[]> => {
  const config = await readInside(root, `${directory}/grub.cfg`);
  if (config !== null) {
    return config.includes(uuid) ? [] : [`${directory}/grub.cfg does not name ${uuid}`];
  }
  const file = (await listInside(root, directory)).find((name) => name.toLowerCase() === grub);
  const program = file === undefined ? null : await readInside(root, `${directory}/${file}`);
  if (program?.includes(uuid) || (place !== null && program?.includes(place))) return [];
  return [`no loader in ${directory} leads to ${uuid}`];
};
