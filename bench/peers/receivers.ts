/** Runs a chain of pipelines: the last node first, then the golden's, which starts the clock. */
import { performance } from 'node:perf_hooks';
import type { LabHost } from '../../demo/lab.ts';
import { untilListening } from '../listening.ts';
import type { RunContext, Sample } from '../sample.ts';
import { makePipe, startTimed, type TimedProcess, usageOf } from '../timed-process.ts';

export interface PipelineChain {
  /** TCP port each node waits on. */
  port: number;
  /** Commands of a node, piped together; `next` is the address of the node behind it. */
  node(next: string | null): readonly (readonly string[])[];
  golden(first: string): readonly (readonly string[])[];
}

/** Starts the commands as a shell would: each reads what the one before writes. */
const startPipeline = async (
  { lab, signal }: RunContext,
  host: LabHost,
  commands: readonly (readonly string[])[],
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

export const receivers = async (context: RunContext, chain: PipelineChain): Promise<Sample> => {
  const { lab, signal, payload } = context;
  const hosts = lab.nodes.slice(0, context.nodes);
  const started: TimedProcess[][] = [];
  for (const [index, host] of [...hosts.entries()].reverse()) {
    started.unshift(
      await startPipeline(context, host, chain.node(hosts[index + 1]?.address ?? null)),
    );
    await untilListening(host, chain.port, signal);
  }
  const start = performance.now();
  const golden = await startPipeline(context, lab.golden, chain.golden(hosts[0]?.address ?? ''));
  const [, ...nodes] = await Promise.all([usageOf(golden), ...started.map(usageOf)]);
  return { seconds: (performance.now() - start) / 1000, bytes: payload.bytes, nodes };
};
