/** The end of a session in plain text: totals in the original's terms, then each node's result. */
import { clonedStates } from '../protocol/events.ts';
import {
  count,
  fitLeft,
  formatBytes,
  formatDuration,
  formatMegs,
  formatMegsRate,
  formatSeconds,
} from './format.ts';
import { isOut, isOver, type NodeView, stateSign } from './node-view.ts';
import { nodesInOrder, type PassTotals, type SessionView } from './session-view.ts';

/** What one pass sent, as the original printed it. */
export const totalsLines = (totals: PassTotals): string[] => {
  const { sentBytes, transferMs, emptiedMs, isAbandoned } = totals;
  if (isAbandoned && sentBytes === 0) return ['No data was sent: no node was left in the chain'];
  const sent = `Total data sent = ${formatMegs(sentBytes)}`;
  const took = formatSeconds(transferMs);
  if (isAbandoned) return [sent, `No node was left in the chain after ${took}`];
  const rate = transferMs > 0 ? (sentBytes * 1000) / transferMs : 0;
  return [
    sent,
    `Transfer time = ${took}${rate > 0 ? `, throughput = ${formatMegsRate(rate)}` : ''}`,
    `The pipeline was emptied in ${formatSeconds(emptiedMs)}`,
  ];
};

/** Steps that write to no disk; any other may have. */
const HARMLESS = new Set([
  'make room for stage2',
  'receive stage2',
  'enter stage2',
  'check tools',
  'check disk',
]);

const adviceOnFailed = ({ failure, steps }: NodeView): string => {
  if (failure?.code === 'NotBooted') return 'it is cloned; see on its console what it starts';
  return steps.every(({ name }) => HARMLESS.has(name))
    ? 'nothing was written to it; put right the cause and clone it in another session'
    : 'its disk may be half written; put right the cause and clone it in another session';
};

/** What an admin can do about a node, beyond what the failure itself says. */
const advice = (node: NodeView): string | null => {
  switch (node.state) {
    case 'done':
    case 'booted':
      return null;
    case 'booting':
      return 'it was not waited for; see on its console that it starts from its own disk';
    case 'waiting':
      return 'nothing was written to it; boot it into kamethod for another session';
    case 'refused':
      return 'nothing was written to it; put right what it was refused for and start it again';
    case 'lost':
      return 'look at its screen, power and cable, then boot it into kamethod for another session';
    case 'failed':
      return adviceOnFailed(node);
    default:
      return 'it was not finished; boot it into kamethod for another session';
  }
};

const resultLines = (view: SessionView, node: NodeView, nameWidth: number): string[] => {
  const end = isOver(node) || isOut(node) ? node.since : (view.finished ?? node.since);
  const took = formatDuration(end - Math.max(view.started ?? node.joined, node.joined));
  const facts = [
    ` ${stateSign(node.state)} ${fitLeft(node.name, nameWidth)}`,
    fitLeft(node.address, 15),
    fitLeft(node.state, 9),
    took,
    node.sourceBytes > 0 ? formatBytes(node.sourceBytes) : '',
  ];
  const reason = node.failure?.message ?? node.why;
  return [
    facts.join('  ').trimEnd(),
    ...(reason ? [`     why: ${reason}`] : []),
    ...(node.failure?.output ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `        | ${line}`),
  ];
};

/** Names for a sentence; a long list is cut, the results above have them all. */
const namesOf = (nodes: readonly NodeView[]): string => {
  const names = nodes.slice(0, 8).map(({ name }) => name);
  const more = nodes.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
};

/** What to do, said once for all nodes it is true of. */
const adviceLines = (nodes: readonly NodeView[]): string[] =>
  [...Map.groupBy(nodes, advice)].flatMap(([todo, concerned]) =>
    todo === null ? [] : [`To do for ${namesOf(concerned)}: ${todo}`],
  );

/** Steps left out, said once for all nodes that left them out for the same reason. */
const skippedLines = (nodes: readonly NodeView[]): string[] => {
  const all = nodes.flatMap((node) =>
    node.steps
      .filter(({ state }) => state === 'skip')
      .map(({ name, detail }) => ({ node, what: `${name}${detail ? ` (${detail})` : ''}` })),
  );
  return [...Map.groupBy(all, ({ what }) => what)].map(
    ([what, steps]) => `Skipped on ${namesOf(steps.map(({ node }) => node))}: ${what}`,
  );
};

/** Each node's result, time, size, what was skipped and what to do. */
export const nodeResultLines = (view: SessionView): string[] => {
  const nodes = nodesInOrder(view);
  const nameWidth = Math.min(40, Math.max(4, ...nodes.map((node) => node.name.length)));
  const done = nodes.filter(({ state }) => clonedStates.has(state)).length;
  const missing = view.wanted - nodes.length;
  const took = formatDuration((view.finished ?? 0) - (view.started ?? view.finished ?? 0));
  return [
    `Session ${view.name}: ${done} of ${count(Math.max(view.wanted, done), 'node')} cloned in ${took}`,
    ...nodes.flatMap((node) => resultLines(view, node, nameWidth)),
    ...skippedLines(nodes),
    ...adviceLines(nodes),
    ...(missing > 0 ? [` ✗ ${count(missing, 'node')} never came`] : []),
    ...(view.failure ? [`Failed: ${view.failure.message}`] : []),
    ...(view.failure?.output ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `   | ${line}`),
  ];
};

/** Everything to leave behind when the board goes. */
export const summaryLines = (view: SessionView): string[] => [
  ...view.totals.flatMap((totals) => [
    ...(view.totals.length > 1 ? [`Pass ${totals.pass}:`] : []),
    ...totalsLines(totals),
  ]),
  ...nodeResultLines(view),
];
