/** Step: write everything out and let go of the disks. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { UNMOUNT_TOOLS, unmountAll } from './clean-up.ts';
import { mountsUnder } from './mount-table.ts';
import { plannedPartitions } from './planned-partitions.ts';
import { finished, type Step, type StepContext } from './step.ts';

export const unmountStep: Step = {
  name: 'unmount',
  timeoutMs: 30 * 60 * 1000,
  tools: () => [...UNMOUNT_TOOLS, 'blockdev'],
  run: async (context) => {
    const { plan, target, log, signal } = context;
    const count = (await mountsUnder(target)).length;
    await unmountAll(context);
    const partitions = plannedPartitions(plan).filter(
      ({ partition }) => partition.role !== 'extended',
    );
    for (const { device } of partitions) await waitUntilFree(device, context);
    const devices = [...partitions, ...plan.disks].map(({ device }) => device);
    for (const device of devices) {
      // Also what was written past the file systems: raw copies, boot code.
      await run('blockdev', ['--flushbufs', device], { log, signal, timeoutMs: 10 * 60 * 1000 });
    }
    return finished(`${count} mounts`);
  },
};

const FREE_TRIES = 50;
const FREE_WAIT_MS = 100;

/** Throws `StillMounted` when the kernel does not let go of a device although nothing is mounted here. */
const waitUntilFree = async (device: string, { signal }: StepContext): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // On a block device O_EXCL without O_CREAT means: fail while a file system holds it.
      const handle = await open(device, constants.O_RDONLY | constants.O_EXCL);
      await handle.close();
      return;
    } catch (error) {
      if (attempt < FREE_TRIES) {
        await sleep(FREE_WAIT_MS, undefined, { signal });
        continue;
      }
      throw new NamedError(
        'StillMounted',
        `${device} is unmounted but still in use; a process with mounts of its own holds it, end that`,
        { cause: error },
      );
    }
  }
};
