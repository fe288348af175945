/** What the clone bench measures. */
import type { Lab, LabHost } from '../../demo/lab.ts';

export interface CloneTarget {
  host: LabHost;
  /** Empty directory in memory. */
  directory: string;
}

export interface CloneContext {
  lab: Lab;
  /** Directory on the golden; only its own file system is cloned. */
  tree: string;
  targets: readonly CloneTarget[];
  signal: AbortSignal;
}

/** Seconds each stage of ka's chain spent, as shares of the pass, 0…1. */
export interface StageWaits {
  stage: string;
  busy: number;
  /** Waited for the stage before it. */
  starved: number;
  /** Waited for the stage behind it. */
  blocked: number;
}

export interface CloneResult {
  /** From the start until the last node has all files. */
  filesSeconds: number;
  /** Until the last node is done: ka settles, gives identities and verifies after that. */
  doneSeconds: number;
  stages: readonly StageWaits[];
}

export interface CloneTool {
  name: string;
  run(context: CloneContext): Promise<CloneResult>;
}
