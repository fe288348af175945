/** Checks the made file systems, unmounted and without writing. */
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { eachLimited } from './limited.ts';
import { fsckCommand, isFormatted } from './mkfs.ts';
import { plannedPartitions } from './planned-partitions.ts';
import { finished, type Step, type StepContext } from './step.ts';

const AT_ONCE = 2;
const CHECK_TIMEOUT_MS = 60 * 60 * 1000;

export const fsckStep: Step = {
  name: 'check file systems',
  timeoutMs: CHECK_TIMEOUT_MS,
  // A file system it has no program for stays unchecked; it says which.
  tools: () => [],
  run: async (context) => {
    const jobs = plannedPartitions(context.plan).flatMap(({ partition, device }) => {
      const check = isFormatted(partition) ? fsckCommand(partition.filesystem.type, device) : null;
      return check ? [{ check, device }] : [];
    });
    if (jobs.length === 0) return finished('no file system was made');
    const unchecked: string[] = [];
    await eachLimited(jobs, AT_ONCE, async ({ check, device }) => {
      if (!(await isSound(check, context))) unchecked.push(`${device} not: no ${check.command}`);
    });
    return finished([`${jobs.length - unchecked.length} sound`, ...unchecked].join(', '));
  },
};

/** False when the node has no program to check with; throws when the check finds something. */
const isSound = async (
  { command, args }: { command: string; args: string[] },
  { log, signal }: StepContext,
): Promise<boolean> => {
  try {
    await run(command, args, { log, signal, timeoutMs: CHECK_TIMEOUT_MS });
    return true;
  } catch (error) {
    if (error instanceof NamedError && error.code === 'ToolMissing') return false;
    throw error;
  }
};
