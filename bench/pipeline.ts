/** Commands piped together on one machine of the lab. */
import type { Lab, LabHost } from '../demo/lab.ts';
import { makePipe, startTimed, type TimedProcess } from './timed-process.ts';

export type Commands = readonly (readonly string[])[];

/** Starts the commands as a shell would: each reads what the one before writes. */
export const startPipeline = async (
  { lab, signal }: { lab: Lab; signal: AbortSignal },
  host: LabHost,
  commands: Commands,
): Promise<TimedProcess[]> => {
  const pipes = await Promise.all(commands.slice(1).map(() => makePipe(lab)));
  const processes = commands.map((command, index) =>
    startTimed(lab, host, command, {
      stdin: pipes[index - 1]?.reader ?? 'ignore',
      stdout: pipes[index]?.writer ?? 'ignore',
      signal,
    }),
  );
  for (const pipe of pipes) pipe.close();
  return processes;
};
