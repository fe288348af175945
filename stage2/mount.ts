/** Step: mount the made file systems under the target, outermost first. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ESP_MOUNTS } from '../desc/boot-partitions.ts';
import type { ClonePlan } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { UNMOUNT_TOOLS, unmountAll } from './clean-up.ts';
import { isFormatted } from './mkfs.ts';
import { mountsUnder } from './mount-table.ts';
import { type PlannedPartition, plannedPartitions } from './planned-partitions.ts';
import { finished, type Step, type StepContext } from './step.ts';

const depth = (mount: string): number => mount.split('/').filter((part) => part !== '').length;

interface Mountable extends PlannedPartition {
  mount: string;
}

const mountable = (
  plan: ClonePlan,
  wanted: (planned: PlannedPartition, mount: string) => boolean,
): Mountable[] =>
  plannedPartitions(plan)
    .flatMap((planned) => {
      const { mount, filesystem } = planned.partition;
      if (mount === undefined || filesystem?.type === 'swap') return [];
      return wanted(planned, mount) ? [{ ...planned, mount }] : [];
    })
    .sort((a, b) => depth(a.mount) - depth(b.mount));

const mountOne = async (
  { device, mount, partition }: Mountable,
  { target, log, signal }: StepContext,
): Promise<void> => {
  const directory = join(target, mount);
  await mkdir(directory, { recursive: true });
  const type = partition.filesystem ? ['-t', partition.filesystem.type] : [];
  await run('mount', [...type, device, directory], { log, signal });
};

export const mountStep: Step = {
  name: 'mount',
  timeoutMs: 5 * 60 * 1000,
  tools: () => ['mount'],
  run: async (context) => {
    const held = await mountsUnder(context.target);
    if (held.length > 0) {
      throw new NamedError(
        'TargetInUse',
        `${context.target} already has ${held.length} mounts (${held[0]?.source}); unmount them first`,
      );
    }
    const mounts = mountable(context.plan, ({ partition }) => isFormatted(partition));
    for (const planned of mounts) await mountOne(planned, context);
    if (mounts.length === 0) return finished('nothing to mount');
    return finished(mounts.map(({ mount }) => mount).join(', '));
  },
};

/** Places the later steps look into; only these of the raw copies are worth mounting. */
const NEEDED_TO_FINISH = new Set(['/', '/boot', '/usr', '/var', ...ESP_MOUNTS]);

/** On a kept EFI system partition another system's loader may lie; ours goes beside it. */
const isNeededCopy = ({ partition: { content } }: PlannedPartition, mount: string): boolean =>
  (content === 'raw' && NEEDED_TO_FINISH.has(mount)) ||
  (content === 'keep' && ESP_MOUNTS.includes(mount));

/**
 * A raw copy has its file system only after the streams. Everything is mounted
 * anew then, so that a raw outer file system does not cover an inner one.
 */
export const mountRawStep: Step = {
  name: 'mount copies',
  timeoutMs: 5 * 60 * 1000,
  tools: (plan) => (mountable(plan, isNeededCopy).length > 0 ? ['mount', ...UNMOUNT_TOOLS] : []),
  run: async (context) => {
    const copies = mountable(context.plan, isNeededCopy);
    if (copies.length === 0) return finished('no raw copy belongs to the system');
    await unmountAll(context);
    const mounts = mountable(
      context.plan,
      (planned, mount) => isFormatted(planned.partition) || isNeededCopy(planned, mount),
    );
    for (const planned of mounts) await mountOne(planned, context);
    return finished(copies.map(({ mount }) => mount).join(', '));
  },
};
