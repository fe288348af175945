/** Tells clones that carry a system from those that only carry data. */
import { existsInside } from '../system/inside.ts';
import type { StepContext } from './step.ts';

/** True when a root file system was copied and there is a system in it; otherwise there is nothing to adapt. */
export const hasSystem = async ({
  plan,
  target,
}: Pick<StepContext, 'plan' | 'target'>): Promise<boolean> => {
  const isCopied =
    plan.streams.some(({ mount }) => mount === '/') ||
    plan.disks.some(({ partitions }) =>
      partitions.some(({ mount, content }) => mount === '/' && content === 'raw'),
    );
  return isCopied && existsInside(target, '/etc');
};

export const NO_SYSTEM = 'no system was copied, only data';
