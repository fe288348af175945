/** One whole session: the golden and its agents, started and waited for. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NamedError } from '../system/named-error.ts';
import { isJoinable } from './join-file.ts';
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
  const nodes = (await isJoinable(session, joinFile, signal)) ? options.nodes : [];
  const agents = nodes.map((node) =>
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
