import { Text } from 'ink';
import type { ReactNode } from 'react';
import { ACCENT, nodePaint, WARNING } from './colors.ts';
import {
  fitLeft,
  fitRight,
  formatBar,
  formatBytes,
  formatDuration,
  formatMebibytes,
  formatPercent,
} from './format.ts';
import { PERCENT, type TableColumns } from './layout.ts';
import { currentStep, type NodeView, stateSign } from './node-view.ts';
import { nodeShare, type SessionView } from './session-view.ts';

/** True for the node that holds the whole chain back. */
const isSlowest = (view: SessionView, node: NodeView): boolean =>
  view.pass.running && (view.pass.limit?.startsWith(`${node.name}:`) ?? false);

/** What a node does, in the words of its step or of its state. */
const doing = (node: NodeView): string => {
  const step = currentStep(node);
  const moving =
    node.state === 'preparing' || node.state === 'receiving' || node.state === 'finishing';
  return moving && step ? step.name : node.state;
};

/** Words for a node without figures: why it stands, or what it is at. */
const account = (view: SessionView, node: NodeView, now: number): string => {
  const reason = node.failure?.message ?? node.why;
  const step = currentStep(node);
  switch (node.state) {
    case 'waiting':
      return reason ?? `here for ${formatDuration(now - node.joined)}`;
    case 'ready':
      return reason ?? 'prepared, waits for the others';
    case 'received':
      return reason ?? 'has everything, waits for the others';
    case 'receiving':
      return reason ?? 'in the chain, which is being measured';
    case 'bypassed':
      return `joins pass ${view.pass.number + 1}${reason ? `; ${reason}` : ''}`;
    case 'booting':
      return reason ?? `restarts, ${formatDuration(now - node.since)}`;
    case 'done':
    case 'booted':
      return reason ?? `took ${formatDuration(node.since - (view.started ?? node.joined))}`;
    case 'preparing':
    case 'finishing': {
      const time = formatDuration(now - (step?.started ?? node.since));
      return `${time}${reason || step?.detail ? `  ${reason ?? step?.detail}` : ''}`;
    }
    default:
      return reason ?? '';
  }
};

/** "disk" of "node02: disk 109 MiB/s"; the figure stands in its own column. */
const limitWord = (view: SessionView, node: NodeView): string =>
  view.pass.limit
    ?.slice(node.name.length + 1)
    .trim()
    .split(' ')[0] ?? '';

const figures = (view: SessionView, node: NodeView, columns: TableColumns): ReactNode => {
  const share = nodeShare(view, node);
  const slowest = isSlowest(view, node);
  const why = node.why ?? (slowest ? `slowest: ${limitWord(view, node)}` : '');
  return (
    <>
      <Text color={ACCENT}>{formatBar(share ?? 0, columns.bar)}</Text>
      {fitRight(share === null ? formatBytes(node.drained) : formatPercent(share), PERCENT)}
      {fitRight((node.rate / 1024 ** 2).toFixed(0), columns.rate)}
      {fitRight(formatMebibytes(node.behind), columns.behind)}
      <Text {...(slowest ? { color: WARNING } : {})}>{`  ${why}`}</Text>
    </>
  );
};

export interface NodeRowProps {
  view: SessionView;
  node: NodeView;
  columns: TableColumns;
  now: number;
  selected: boolean;
}

/** One node in one line. */
export const NodeRow = ({ view, node, columns, now, selected }: NodeRowProps): ReactNode => {
  const place = view.chain.indexOf(node.node);
  const paint = nodePaint(node);
  return (
    <Text wrap="truncate">
      <Text color={ACCENT} bold>
        {selected ? '›' : ' '}
      </Text>
      {fitRight(place < 0 ? '–' : String(place + 1), 3)}{' '}
      <Text bold={selected}>{fitLeft(node.name, columns.name)}</Text>
      <Text color={WARNING}>{isSlowest(view, node) ? ' ◂' : '  '}</Text>
      {columns.address > 0 ? fitLeft(` ${node.address}`, columns.address) : ''}
      <Text {...paint}>
        {` ${fitLeft(`${stateSign(node.state)} ${doing(node)}`, columns.step - 2)} `}
      </Text>
      {node.state === 'receiving' && view.pass.running ? (
        figures(view, node, columns)
      ) : (
        <Text {...paint}>{account(view, node, now)}</Text>
      )}
    </Text>
  );
};
