/** What a step of a node's work is: a name, a time limit and a function over one shared context. */
import type { ClonePlan } from '../desc/clone-plan.ts';
import type { HomeCall } from '../protocol/home.ts';
import type { CommandLog } from '../system/run.ts';

/** Where the settle step finds the golden's rsync modules. */
export interface SettleSource {
  /** URL of the module of one mount point: rsync://user@127.0.0.1:PORT/module. */
  url(mount: string): string;
  /** Handed to rsync in its environment, never on its command line. */
  password: string;
}

export interface StepContext {
  plan: ClonePlan;
  /** Directory under which the node's file systems are mounted, for example /mnt/ka/root. */
  target: string;
  signal: AbortSignal;
  /** Gets every command and its output. */
  log: CommandLog;
  progress(detail: string): void;
  /** null = nothing to settle with. */
  settle: SettleSource | null;
  /** Where the clone reports after its first boot; null = nowhere. */
  home: HomeCall | null;
  /** Whether the machine restarts from its own disk afterwards. */
  reboot: boolean;
}

export interface StepOutcome {
  state: 'finish' | 'skip';
  detail?: string;
}

export interface Step {
  name: string;
  timeoutMs: number;
  /** Programs of this machine (not the clone's) it calls for this plan and cannot do without. */
  tools(plan: ClonePlan): readonly string[];
  run(context: StepContext): Promise<StepOutcome>;
}

export const finished = (detail?: string): StepOutcome =>
  detail === undefined ? { state: 'finish' } : { state: 'finish', detail };

/** For what the operator should know was not done; a step that the plan has no work for is finished. */
export const skipped = (detail: string): StepOutcome => ({ state: 'skip', detail });
