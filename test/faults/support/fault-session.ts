/** One session in a fault lab: started, hurt, ended, and looked at from outside. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { compareTrees, readTree } from '../../../demo/compare.ts';
import type { KaOptions } from '../../../demo/ka-process.ts';
import type { SessionEvent } from '../../../protocol/events.ts';
import type { Report } from '../../../protocol/report.ts';
import {
  readEvents,
  readReport,
  type Started,
  startAgent,
  startGolden,
} from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import type { FaultLab } from './fault-lab.ts';

export interface FaultSessionOptions {
  /** Nodes whose agents are started at once; default: all. */
  nodes?: readonly number[];
  /** What `-n` says; default: as many as are started. */
  wanted?: number;
  /** More flags of `ka golden`. */
  flags?: readonly string[];
  /** More flags of the agent of a node; later ones win over the usual. */
  agentFlags?: (node: number) => readonly string[];
  /** How `ka golden` is run, when not simply on the lab's golden. */
  goldenOn?: KaOptions['on'];
}

export interface SessionResult {
  /** Of `ka golden`. */
  exitCode: number;
  report: Report;
  events: SessionEvent[];
  /** Result of each node in the report, by name. */
  results: Record<string, string>;
  /** First byte → last node has everything, of each pass, in milliseconds. */
  passMs: number[];
  /** Why the chain was changed, with the time since the start of its pass. */
  decisions: string[];
}

/** Everything ends within this time, whatever was done to it. */
const END_MS = 90_000;
/** And begins within this, also where the machine is busy. */
const SOON_MS = 60_000;

export class FaultSession {
  readonly golden: Started;
  readonly #faults: FaultLab;
  readonly #options: FaultSessionOptions;
  readonly #agents = new Map<number, Started>();

  private constructor(faults: FaultLab, options: FaultSessionOptions, golden: Started) {
    this.#faults = faults;
    this.#options = options;
    this.golden = golden;
  }

  static start(faults: FaultLab, options: FaultSessionOptions): FaultSession {
    const nodes = options.nodes ?? faults.lab.nodes.map((_, index) => index + 1);
    const { wanted = nodes.length, flags = [], goldenOn } = options;
    const session = ['-n', String(wanted), '--compress', 'none', ...faults.what, ...flags];
    const golden = startGolden(faults.lab, session, goldenOn);
    const started = new FaultSession(faults, options, golden);
    for (const node of nodes) started.boot(node);
    return started;
  }

  /** Starts (again) the agent of a node. */
  boot(node: number): Started {
    const { lab } = this.#faults;
    const where = ['--into', this.#faults.target(node)];
    const more = this.#options.agentFlags?.(node) ?? [];
    const agent = startAgent(lab, node, [...where, ...more]);
    this.#agents.set(node, agent);
    return agent;
  }

  agent(node: number): Started {
    const agent = this.#agents.get(node);
    if (!agent) throw new RangeError(`node ${node} was not started`);
    return agent;
  }

  kill(...nodes: number[]): void {
    for (const node of nodes) this.agent(node).kill('SIGKILL');
  }

  /** Process number of the tar that unpacks on a node, once it is there. */
  async tarOf(node: number): Promise<number> {
    const parent = this.agent(node).pid;
    const look = async () => {
      const children = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8');
      for (const child of children.split(' ').filter(Boolean)) {
        // Others, whose work before the streams is done, end meanwhile.
        const name = await readFile(`/proc/${child}/comm`, 'utf8').catch(() => 'gone');
        if (name === 'tar\n') return Number(child);
      }
      return undefined;
    };
    return eventually(`node ${node} unpacks`, look, SOON_MS);
  }

  /** Waits until `check` finds what it looks for among the golden's events. */
  async until(
    what: string,
    check: (events: readonly SessionEvent[]) => unknown,
    timeoutMs = SOON_MS,
  ): Promise<void> {
    const look = async () => {
      const events = await readEvents(this.golden);
      if (check(events)) return true;
      if (!events.some((event) => event.kind === 'session' && event.state === 'finished'))
        return false;
      throw new Error(`the session ended before this: ${what}`);
    };
    await eventually(what, look, timeoutMs);
  }

  /** Waits until the golden has put so many bytes on the line in its latest pass. */
  async untilSent(bytes: number): Promise<void> {
    await this.until(`${bytes} bytes are sent`, (events) =>
      events.some((event) => event.kind === 'progress' && event.sentBytes >= bytes),
    );
  }

  /** Waits until a node has got so many bytes of the latest pass. */
  async untilReceived(node: number, bytes: number): Promise<void> {
    await this.until(`node${node} has ${bytes} bytes`, (events) => {
      const named = events.find((event) => event.kind === 'node' && event.name === `node${node}`);
      const number = named?.kind === 'node' ? named.node : undefined;
      return events.some(
        (event) =>
          event.kind === 'progress' &&
          event.nodes.some((one) => one.node === number && one.received >= bytes),
      );
    });
  }

  /** Waits for the tail of the first pass: all has been read, nodes still get what the rings hold. */
  async untilTail(): Promise<void> {
    await this.until('the source has ended', (events) =>
      events.some((event) => event.kind === 'stream' && event.state === 'finish'),
    );
  }

  async untilState(node: number, ...states: string[]): Promise<void> {
    await this.until(`node${node} is ${states.join(' or ')}`, (events) => {
      const last = events.findLast(
        (event) => event.kind === 'node' && event.name === `node${node}`,
      );
      return last?.kind === 'node' && states.includes(last.state);
    });
  }

  /** Exit status of an agent; fails when it does not end. */
  async agentEnd(node: number): Promise<number> {
    return inTime(`agent of node ${node}`, this.agent(node).ended);
  }

  /** Waits for the golden's end. Agents are left as they are. */
  async end(): Promise<SessionResult> {
    const exitCode = await inTime('ka golden', this.golden.ended);
    const text = await this.golden.text();
    if (!text.includes('"state":"finished"')) throw new Error(`no session was run: ${text}`);
    const [report, events] = await Promise.all([
      readReport(this.#faults.lab),
      readEvents(this.golden),
    ]);
    const results = Object.fromEntries(report.nodes.map(({ name, result }) => [name, result]));
    return {
      exitCode,
      report,
      events,
      results,
      passMs: passTimes(events),
      decisions: decisionsIn(events),
    };
  }

  /** Ends what is left of a session, also of a failed test. */
  async stop(): Promise<void> {
    for (const one of [this.golden, ...this.#agents.values()]) {
      one.kill('SIGCONT');
      one.kill('SIGKILL');
      await one.ended;
    }
  }

  /**
   * What is wrong with a clone, by content hash and everything else a copy must
   * keep; also when it had to be mended by settle, since nothing has changed on
   * this golden: its chain gave it wrong or missing bytes then.
   */
  async faultsOf(node: number, report: Report): Promise<string[]> {
    const { tree } = this.#faults;
    const { differences } = compareTrees(tree, await readTree(this.target(node)), () => false);
    const mine = report.nodes.find(({ name }) => name === `node${node}`);
    const settle = mine?.steps.findLast(({ step }) => step === 'settle');
    const mended = settle?.detail?.includes('/ 0 files changed, 0 created, 0 deleted')
      ? []
      : [`settle: ${settle?.detail ?? 'did not happen'}`];
    return [...differences, ...mended];
  }

  target(node: number): string {
    const flags = this.#options.agentFlags?.(node) ?? [];
    const at = flags.indexOf('--into');
    return (at < 0 ? undefined : flags[at + 1]) ?? this.#faults.target(node);
  }
}

const inTime = async <T>(what: string, promise: Promise<T>): Promise<T> => {
  const over = new AbortController();
  const late = sleep(END_MS, undefined, { signal: over.signal }).then(
    () => {
      throw new Error(`${what} did not end within ${END_MS} ms`);
    },
    (error: Error) => {
      throw error;
    },
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => undefined);
    over.abort();
  }
};

const passTimes = (events: readonly SessionEvent[]): number[] => {
  const starts = new Map<number, number>();
  const times: number[] = [];
  for (const event of events) {
    if (event.kind !== 'pass') continue;
    if (event.state === 'start') starts.set(event.pass, event.time);
    else times.push(event.time - (starts.get(event.pass) ?? event.time));
  }
  return times;
};

const decisionsIn = (events: readonly SessionEvent[]): string[] => {
  let startedMs = 0;
  const decisions: string[] = [];
  for (const event of events) {
    if (event.kind === 'pass' && event.state === 'start') startedMs = event.time;
    if (event.kind === 'chain' && event.why !== undefined) {
      decisions.push(`at ${event.time - startedMs} ms ${event.why}`);
    }
  }
  return decisions;
};
