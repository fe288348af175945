/** What one run of one tool gave, and what the bench calls a tool. */
import type { Lab } from '../demo/lab.ts';
import type { FilePayload } from './payload.ts';

/** Resources of all processes of one node, together. */
export interface Usage {
  /** User and system time. */
  cpuSeconds: number;
  /** Of that, what the thread took that moves the bytes; where there are others. */
  loopCpuSeconds?: number;
  /** Sum of the processes' largest resident sets. */
  maxRssBytes: number;
}

export interface Sample {
  /** From the start of the source until the last node has everything. */
  seconds: number;
  bytes: number;
  nodes: readonly Usage[];
  /** Links of ka's chain that were lost and repaired meanwhile. */
  troubles?: readonly string[];
}

export interface RunContext {
  lab: Lab;
  /** How many of the lab's nodes take part. */
  nodes: number;
  payload: FilePayload;
  signal: AbortSignal;
}

/** Sends the payload once from the golden to the nodes, which throw it away. */
export interface ChainTool {
  name: string;
  run(context: RunContext): Promise<Sample>;
}
