/** Step: write everything out and let go of the disks. */
import { run } from '../system/run.ts';
import { unmountAll } from './clean-up.ts';
import { mountsUnder } from './mount-table.ts';
import { finished, type Step } from './step.ts';

export const unmountStep: Step = {
  name: 'unmount',
  timeoutMs: 30 * 60 * 1000,
  run: async (context) => {
    const { plan, target, log, signal } = context;
    const count = (await mountsUnder(target)).length;
    await unmountAll(context);
    for (const { device } of plan.disks) {
      // Also what was written past the file systems: raw copies, boot code.
      await run('blockdev', ['--flushbufs', device], { log, signal, timeoutMs: 10 * 60 * 1000 });
    }
    return finished(`${count} mounts`);
  },
};
