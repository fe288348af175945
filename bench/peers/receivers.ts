/** Runs a chain of pipelines: the last node first, then the golden's, which starts the clock. */
import { performance } from 'node:perf_hooks';
import { untilListening } from '../listening.ts';
import { type Commands, startPipeline } from '../pipeline.ts';
import type { RunContext, Sample } from '../sample.ts';
import { type TimedProcess, usageOf } from '../timed-process.ts';

export interface PipelineChain {
  /** TCP port each node waits on. */
  port: number;
  /** Commands of a node, piped together; `next` is the address of the node behind it. */
  node(next: string | null): Commands;
  golden(first: string): Commands;
}

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
