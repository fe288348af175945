/** Tells a process apart from a later one that got the same number. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { z } from 'zod';

export const ProcessIdentity = z.object({
  pid: z.int().positive(),
  /** Ticks since the machine's start when the process began: proc(5), stat field 22. */
  started: z.string(),
});
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

/** Field 22, counted from behind the command's name, which may hold blanks and brackets. */
const STARTED_AFTER_NAME = 19;

const startOf = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[STARTED_AFTER_NAME];
  } catch (error) {
    // ESRCH: it ended while its file was open.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
};

export const thisProcess = (): ProcessIdentity => ({
  pid: process.pid,
  started: startOf(process.pid) ?? '',
});

/** Whether that very process still runs. */
export const isRunning = ({ pid, started }: ProcessIdentity): boolean => startOf(pid) === started;

export const isSameProcess = (a: ProcessIdentity, b: ProcessIdentity): boolean =>
  a.pid === b.pid && a.started === b.started;
