/** Tells clones that carry a system from those that only carry data. */
import type { ClonePlan } from '../desc/clone-plan.ts';

/** True when the plan copies a root file system; otherwise there is no system to adapt. */
export const hasSystem = (plan: ClonePlan): boolean =>
  plan.disks.some(({ partitions }) =>
    partitions.some(
      ({ mount, content }) => mount === '/' && (content === 'files' || content === 'raw'),
    ),
  );

export const NO_SYSTEM = 'no root file system was copied';
