/** Runs tools in turns, so that whatever else the machine does meets all of them alike. */
import { type Row, toRow } from './rows.ts';
import type { ChainTool, RunContext, Sample } from './sample.ts';
import { MIB } from './units.ts';

export type Say = (line: string) => void;

export interface Contest {
  tool: ChainTool;
  context: RunContext;
}

/** Each contest `runs` times, round by round; one row for each. */
export const inTurns = async (
  contests: readonly Contest[],
  { runs, link, say }: { runs: number; link: string; say: Say },
): Promise<Row[]> => {
  const samples = new Map<Contest, Sample[]>(contests.map((contest) => [contest, []]));
  for (let round = 1; round <= runs; round += 1) {
    for (const [contest, taken] of samples) {
      const { tool, context } = contest;
      context.signal.throwIfAborted();
      const sample = await tool.run(context);
      taken.push(sample);
      for (const trouble of sample.troubles ?? []) say(`repaired: ${trouble}`);
      const rate = (sample.bytes / MIB / sample.seconds).toFixed(0);
      const took = `${sample.seconds.toFixed(2)} s`;
      say(
        `${link}, ${context.nodes} nodes, round ${round} of ${runs}: ${tool.name} ${took}, ${rate} MiB/s`,
      );
    }
  }
  return [...samples].map(([{ tool, context }, taken]) =>
    toRow({ tool: tool.name, nodes: context.nodes, link }, taken),
  );
};
