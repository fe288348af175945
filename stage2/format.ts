/** Step: make the planned file systems. */
import { run } from '../system/run.ts';
import { eachLimited } from './limited.ts';
import { isFormatted, mkfsCommands, mkfsTools } from './mkfs.ts';
import { plannedPartitions } from './planned-partitions.ts';
import { finished, type Step } from './step.ts';

/** More than two at once only makes one disk seek. */
export const AT_ONCE = 2;

export const formatStep: Step = {
  name: 'format',
  timeoutMs: 30 * 60 * 1000,
  tools: (plan) =>
    plannedPartitions(plan).flatMap(({ partition }) =>
      isFormatted(partition) ? mkfsTools(partition.filesystem) : [],
    ),
  run: async ({ plan, log, signal, progress }) => {
    const jobs = plannedPartitions(plan).flatMap(({ disk, partition, device }) =>
      isFormatted(partition) ? [{ disk, partition, device }] : [],
    );
    if (jobs.length === 0) return finished('no file system to make');
    await eachLimited(jobs, AT_ONCE, async ({ disk, partition, device }) => {
      progress(`${partition.filesystem.type} on ${device}`);
      const size = {
        sizeBytes: partition.sizeSectors * disk.sectorBytes,
        sectorBytes: disk.sectorBytes,
      };
      for (const { command, args } of mkfsCommands(partition.filesystem, device, size)) {
        await run(command, args, { log, signal, timeoutMs: 30 * 60 * 1000 });
      }
    });
    return finished(
      jobs.map(({ partition, device }) => `${partition.filesystem.type} on ${device}`).join(', '),
    );
  },
};
