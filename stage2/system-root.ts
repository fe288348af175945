/** Tells clones that carry a system from those that only carry data. */
import type { ClonePlan } from '../desc/clone-plan.ts';
import { existsInside } from '../system/inside.ts';
import type { StepContext } from './step.ts';

/** Whether the plan brings a root file system, with a system in it or not. */
export const copiesRoot = ({ streams, disks }: ClonePlan): boolean =>
  streams.some(({ mount }) => mount === '/') ||
  disks.some(({ partitions }) =>
    partitions.some(({ mount, content }) => mount === '/' && content === 'raw'),
  );

/** True when a root file system was copied and there is a system in it; otherwise there is nothing to adapt. */
export const hasSystem = async ({
  plan,
  target,
}: Pick<StepContext, 'plan' | 'target'>): Promise<boolean> =>
  copiesRoot(plan) && existsInside(target, '/etc');

export const NO_SYSTEM = 'no system was copied, only data';
