/** Step: install the planned bootloader from the clone's own files. */
import { LOADERS } from '../boot/loaders/loaders.ts';
import type { ClonePlan, DiskPlan } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';
import { requireInClone } from './clone-part.ts';
import { CLONE_TOOLS, inClone } from './clone-root.ts';
import { installExtlinux } from './extlinux.ts';
import { installGrub } from './grub.ts';
import { installLilo } from './lilo.ts';
import { finished, type Step, skipped } from './step.ts';
import { hasSystem, NO_SYSTEM } from './system-root.ts';

const installers = { grub: installGrub, extlinux: installExtlinux, lilo: installLilo };

export const bootloaderStep: Step = {
  name: 'bootloader',
  timeoutMs: 10 * 60 * 1000,
  tools: ({ bootloader }) => (bootloader.kind === 'none' ? [] : CLONE_TOOLS),
  run: async (context) => {
    const { plan } = context;
    if (plan.bootloader.kind === 'none') return skipped('the plan wants none');
    if (!(await hasSystem(context))) {
      throw new NamedError(
        'PlanBroken',
        `the plan wants ${plan.bootloader.kind}, but ${NO_SYSTEM}; use -r none for such a golden`,
      );
    }
    const { kind, firmware } = plan.bootloader;
    const install = installers[kind];
    const disk = bootDisk(plan);
    await requireInClone(context.target, LOADERS[kind].parts(firmware, disk.table));
    const detail = await inClone(context, (clone) => install(clone, disk, context), {
      firmware: firmware === 'uefi',
    });
    return finished(detail);
  },
};

/** The disk named in the plan, or else its first. */
export const bootDisk = ({ bootloader, disks }: ClonePlan): DiskPlan => {
  const wanted = bootloader.disk;
  const disk = wanted === undefined ? disks[0] : disks.find(({ name }) => name === wanted);
  if (!disk) {
    throw new NamedError(
      'PlanBroken',
      `the bootloader is to go on ${wanted}, which the plan does not have; plan again`,
    );
  }
  return disk;
};
