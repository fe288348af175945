import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { fitLeft, fitRight } from './format.ts';
import { PERCENT, type TableColumns, tableColumns } from './layout.ts';
import { NodeRow } from './NodeRow.tsx';
import type { NodeView } from './node-view.ts';
import type { SessionView } from './session-view.ts';
import { useWindow } from './use-window.ts';

const headText = (columns: TableColumns): string =>
  [
    '   # ',
    fitLeft('node', columns.name),
    '  ',
    columns.address > 0 ? fitLeft(' address', columns.address) : '',
    fitLeft(' step', columns.step),
    fitLeft('progress', columns.bar + PERCENT),
    fitRight('MiB/s', columns.rate),
    fitRight('behind', columns.behind),
    '  why',
  ].join('');

export interface NodeTableProps {
  view: SessionView;
  /** Rows in order, filtered. */
  nodes: readonly NodeView[];
  now: number;
  width: number;
  /** Lines for rows, without head and foot. */
  lines: number;
  selected: number | null;
  filter: string;
}

/** What the table does not show; empty when it shows all. */
const footText = ({ nodes, lines, filter, view }: NodeTableProps, top: number): string =>
  [
    ...(nodes.length > lines
      ? [`${top + 1}–${Math.min(top + lines, nodes.length)} of ${nodes.length}, those out first`]
      : []),
    ...(filter === '' ? [] : [`filter "${filter}": ${nodes.length} of ${view.nodes.size}`]),
  ].join(' · ');

/** The nodes, as many as fit, the selected one always among them. */
export const NodeTable = (props: NodeTableProps): ReactNode => {
  const { view, nodes, now, width, lines, selected } = props;
  const longest = Math.max(0, ...[...view.nodes.values()].map((node) => node.name.length));
  const columns = tableColumns(width, longest);
  const top = useWindow(
    nodes.findIndex((node) => node.node === selected),
    nodes.length,
    lines,
  );
  return (
    <Box flexDirection="column" height={lines + 2} flexShrink={0}>
      <Text wrap="truncate" dimColor>
        {headText(columns)}
      </Text>
      {nodes.slice(top, top + lines).map((node) => (
        <NodeRow
          key={node.node}
          view={view}
          node={node}
          columns={columns}
          now={now}
          selected={node.node === selected}
        />
      ))}
      <Box flexGrow={1} />
      <Text wrap="truncate" dimColor>
        {`     ${footText(props, top)}`}
      </Text>
    </Box>
  );
};
