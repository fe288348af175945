/** Results as text. */
import type { CloneRow } from './clone/clone-bench.ts';
import type { Row } from './rows.ts';
import { type Cell, formatTable } from './table.ts';
import { formatVerdict, type Verdict } from './targets.ts';

export const printChain = (rows: readonly Row[], verdicts: readonly Verdict[]): string => {
  const heads = ['tool', 'nodes', 'link', 'MiB/s', 'CPU s/GiB/node', 'of it loop', 'MiB memory'];
  const cells = rows.map((row): Cell[] => [
    row.tool,
    row.nodes,
    row.link,
    row.mibPerSecond,
    row.cpuSecondsPerGiBPerNode,
    row.loopSecondsPerGiBPerNode,
    row.maxRssMiB,
  ]);
  return `${[formatTable(heads, cells), '', ...verdicts.map(formatVerdict)].join('\n')}\n`;
};

const percent = (share: number): string => `${Math.round(share * 100)} %`;

export const printClone = (rows: readonly CloneRow[]): string => {
  const times = formatTable(
    ['tool', 'tree', 'nodes', 'files, s', 'done, s', 'MiB/s to each'],
    rows.map((row) => [
      row.tool,
      row.tree,
      row.nodes,
      row.filesSeconds,
      row.doneSeconds,
      row.mibPerSecond,
    ]),
  );
  const stages = formatTable(
    ['stage of ka', 'tree', 'nodes', 'busy', 'starved', 'blocked'],
    rows.flatMap(({ tree, nodes, stages }) =>
      stages.map(({ stage, busy, starved, blocked }): Cell[] => [
        stage,
        tree,
        nodes,
        percent(busy),
        percent(starved),
        percent(blocked),
      ]),
    ),
  );
  return `${times}\n\n${stages}\n`;
};
