/** Switches machines on and off by the command their node list gives for each. */
import type { Description } from '../../desc/model.ts';
import { toFailure } from '../../protocol/failure.ts';
import { NamedError } from '../../system/named-error.ts';
import { run } from '../../system/run.ts';
import { splitWords } from './split-words.ts';

export const POWER_ACTIONS = ['on', 'off', 'cycle', 'status'] as const;
export type PowerAction = (typeof POWER_ACTIONS)[number];

/** A management board that is there answers within seconds. */
const TIMEOUT_MS = 30_000;

/** Commands running at once. */
const AT_ONCE = 16;

export interface PowerResult {
  node: string;
  ok: boolean;
  /** What the command said, or what went wrong; one line. */
  message: string;
}

interface PoweredNode {
  name: string;
  command: string[];
}

/** Throws `UnknownNode` or `NoPower` for the first that cannot be switched: then nothing is. */
const poweredNodes = (
  nodes: Description['nodes'],
  wanted: readonly string[],
  file: string,
): PoweredNode[] =>
  wanted.map((name) => {
    const node = nodes.find((known) => known.name === name);
    if (!node) {
      const known = nodes.map((other) => other.name).join(', ') || 'none';
      throw new NamedError('UnknownNode', `${file} has no node "${name}"; it has: ${known}`);
    }
    const command = splitWords(node.power ?? '');
    if (command.length > 0) return { name, command };
    const message = `${file}: node "${name}" has no power command; add power: 'ipmitool -H … chassis power'`;
    throw new NamedError('NoPower', message);
  });

const switchOne = async (
  { name, command }: PoweredNode,
  action: PowerAction,
  signal: AbortSignal,
): Promise<PowerResult> => {
  const [tool = '', ...args] = command;
  try {
    const { stdout, stderr } = await run(tool, [...args, action], {
      signal,
      timeoutMs: TIMEOUT_MS,
    });
    const said = (stdout.trim() || stderr.trim()).split('\n').at(-1) ?? '';
    return { node: name, ok: true, message: said || action };
  } catch (error) {
    return { node: name, ok: false, message: toFailure(error).message };
  }
};

/**
 * Runs the power command of each of these nodes with the action as its last
 * word. One that fails does not keep the others from theirs.
 */
export const switchPower = async (
  description: Pick<Description, 'nodes'>,
  wanted: { nodes: readonly string[]; action: PowerAction; file: string },
  signal: AbortSignal,
): Promise<PowerResult[]> => {
  const left = poweredNodes(description.nodes, wanted.nodes, wanted.file);
  const results: PowerResult[] = [];
  for (let next = 0; next < left.length; next += AT_ONCE) {
    const group = left.slice(next, next + AT_ONCE);
    const done = await Promise.all(group.map((node) => switchOne(node, wanted.action, signal)));
    results.push(...done);
  }
  return results;
};
