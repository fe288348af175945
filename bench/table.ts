/** Plain tables: the first column to the left, numbers to the right. */

export type Cell = string | number | null;

/** Three digits that count, and no more. */
const formatNumber = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : 2);
};

const formatCell = (cell: Cell): string => {
  if (cell === null) return '–';
  if (typeof cell === 'string') return cell;
  return Number.isInteger(cell) ? String(cell) : formatNumber(cell);
};

/** A Markdown table, aligned so that it reads well in a terminal too. */
export const formatTable = (
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
): string => {
  const texts = rows.map((row) => row.map(formatCell));
  const widths = heads.map((head, column) =>
    Math.max(head.length, 3, ...texts.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(heads), line(rule), ...texts.map(line)].join('\n');
};
