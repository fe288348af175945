/** Step: rebuild the initramfs of every kernel with the clone's own tool. */
import { type CloneRoot, inClone } from './clone-root.ts';
import { existsInside } from './inside.ts';
import { installedKernels, kernelImages } from './kernels.ts';
import { finished, type Step, type StepOutcome, skipped } from './step.ts';
import { hasSystem, NO_SYSTEM } from './system-root.ts';

interface Builder {
  tool: string;
  places: readonly string[];
  build(clone: CloneRoot, kernels: readonly string[], options: readonly string[]): Promise<void>;
}

const BUILD_TIMEOUT_MS = 15 * 60 * 1000;
const inTime = { timeoutMs: BUILD_TIMEOUT_MS };

/** In order of trust: where several are installed, the first is the one the system uses. */
const BUILDERS: readonly Builder[] = [
  {
    tool: 'update-initramfs',
    places: ['/usr/sbin/update-initramfs', '/sbin/update-initramfs'],
    build: async (clone, _kernels, options) => {
      await clone.run('update-initramfs', ['-u', '-k', 'all', ...options], inTime);
    },
  },
  {
    tool: 'dracut',
    places: ['/usr/bin/dracut', '/usr/sbin/dracut', '/sbin/dracut'],
    build: async (clone, _kernels, options) => {
      await clone.run('dracut', ['--force', '--regenerate-all', ...options], inTime);
    },
  },
  {
    tool: 'mkinitcpio',
    places: ['/usr/bin/mkinitcpio'],
    build: async (clone, _kernels, options) => {
      await clone.run('mkinitcpio', ['-P', ...options], inTime);
    },
  },
  {
    // The original's: one call for each kernel, Mandriva's names.
    tool: 'mkinitrd',
    places: ['/sbin/mkinitrd', '/usr/sbin/mkinitrd', '/usr/bin/mkinitrd'],
    build: async (clone, kernels, options) => {
      for (const kernel of kernels) {
        await clone.run(
          'mkinitrd',
          ['-f', ...options, `/boot/initrd-${kernel}.img`, kernel],
          inTime,
        );
      }
    },
  },
];

export const initramfsStep: Step = {
  name: 'initramfs',
  timeoutMs: 30 * 60 * 1000,
  run: async (context): Promise<StepOutcome> => {
    const { plan, target, progress } = context;
    if (!(await hasSystem(context))) return skipped(NO_SYSTEM);
    if ((await kernelImages(target)).length === 0)
      return skipped('the clone has no kernel in /boot');
    const builder = await findBuilder(target);
    if (!builder) return skipped('the clone has no tool that builds an initramfs');
    const kernels = await installedKernels(target);
    progress(`${builder.tool} for ${kernels.join(', ')}`);
    await inClone(context, (clone) =>
      builder.build(clone, kernels, plan.bootloader.initramfsOptions),
    );
    return finished(`${builder.tool} for ${kernels.join(', ')}`);
  },
};

const findBuilder = async (root: string): Promise<Builder | null> => {
  for (const builder of BUILDERS) {
    for (const place of builder.places) if (await existsInside(root, place)) return builder;
  }
  return null;
};
