/** One whole session: the golden and its agents, started and waited for. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NamedError } from '../system/named-error.ts';
import { type KaOptions, type KaProcess, lastLines, startKa } from './ka-process.ts';

export interface SessionNode {
  name: string;
  address: string;
  on?: KaOptions['on'];
  /** Where the clone goes: flags of `ka agent`. */
  target: readonly string[];
}

export interface SessionOptions {
  name: string;
  golden: { address: string; on?: KaOptions['on'] };
  /** Flags of `ka golden` that say what to clone. */
  goldenFlags: readonly string[];
  nodes: readonly SessionNode[];
  /** Directory for logs and state. */
  directory: string;
  signal: AbortSignal;
}

/** Agents end by themselves when the golden lets them go; this is for one that does not. */
const AGENT_END_MS = 60_000;

const waitForAgents = async (agents: readonly KaProcess[]): Promise<(number | null)[]> => {
  const late = new AbortController();
  const timeout = sleep(AGENT_END_MS, null, { signal: late.signal, ref: false });
  const results = await Promise.all(agents.map(({ ended }) => Promise.race([ended, timeout])));
  timeout.catch(() => null);
  late.abort();
  return results;
};

const JOIN_MS = 120_000;
const LOOK_MS = 50;

/** Waits until the golden has written its join string; false when it ended before, or never does. */
const isOpen = async (golden: KaProcess, file: string, signal: AbortSignal): Promise<boolean> => {
  const state = { ended: false };
  golden.ended.then(
    () => {
      state.ended = true;
    },
    () => {
      state.ended = true;
    },
  );
  for (const untilMs = Date.now() + JOIN_MS; Date.now() < untilMs && !state.ended; ) {
    if (existsSync(file)) return true;
    await sleep(LOOK_MS, undefined, { signal });
  }
  return false;
};

/**
 * Clones to all nodes. Throws `SessionFailed` unless the golden and every agent
 * say that all went well.
 */
export const runSession = async (options: SessionOptions): Promise<void> => {
  const { directory, golden, signal } = options;
  const joinFile = join(directory, 'join');
  const session = startKa(
    [
      'golden',
      ...['--nodes', String(options.nodes.length)],
      ...['--session', options.name],
      ...['--address', golden.address],
      ...['--join-file', joinFile],
      '--yes',
      ...options.goldenFlags,
    ],
    { on: golden.on, stateDirectory: join(directory, 'golden-state'), signal },
  );
  const isJoinable = await isOpen(session, joinFile, signal);
  const agents = (isJoinable ? options.nodes : []).map((node) =>
    startKa(
      [
        'agent',
        ...['--join-file', joinFile],
        ...['--name', node.name],
        ...['--address', node.address],
        '--no-reboot',
        ...node.target,
      ],
      {
        on: node.on,
        logFile: join(directory, `${node.name}.log`),
        stateDirectory: join(directory, `${node.name}-state`),
        signal,
      },
    ),
  );
  const exitCode = await session.ended;
  if (exitCode !== 0) for (const agent of agents) agent.kill('SIGTERM');
  const agentCodes = await waitForAgents(agents);
  if (exitCode === 0 && agentCodes.every((code) => code === 0)) return;

  const failed: string[] = [];
  for (const [index, agent] of agents.entries()) {
    const code = agentCodes[index];
    if (code === 0) continue;
    const how = code === null ? 'did not end' : `exited ${code}`;
    failed.push(
      `agent of ${options.nodes[index]?.name} ${how}; its last lines:`,
      await lastLines(agent),
    );
  }
  throw new NamedError('SessionFailed', `the session failed: ka golden exited ${exitCode}`, {
    output: failed.join('\n'),
  });
};
