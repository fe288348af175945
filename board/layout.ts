/** How the cells of the terminal are shared out. More columns show more, they do not decorate more. */

/** Widths of the node table's columns, in cells; 0 = not shown. */
export interface TableColumns {
  readonly name: number;
  readonly address: number;
  readonly step: number;
  readonly bar: number;
  readonly rate: number;
  readonly behind: number;
  /** What is left for words. */
  readonly why: number;
}

/** Sign of selection, place in the chain and the gaps round them. */
const LEAD = 5;
/** "100 %" after a bar. */
export const PERCENT = 6;

/** Terminals from here on show addresses too. */
export const WIDE_COLUMNS = 100;

/** Columns for a terminal of `width` cells and names of up to `longestName`. */
export const tableColumns = (width: number, longestName: number): TableColumns => {
  const wide = width >= WIDE_COLUMNS;
  const name = Math.min(Math.max(4, longestName), width >= 120 ? 28 : wide ? 18 : 12);
  const address = wide ? 16 : 0;
  const step = width >= 120 ? 24 : 18;
  const bar = Math.min(30, wide ? 10 + Math.floor((width - WIDE_COLUMNS) / 3) : 8);
  const rate = 6;
  const behind = 10;
  const used = LEAD + name + 2 + address + step + bar + PERCENT + rate + behind;
  return { name, address, step, bar, rate, behind, why: Math.max(0, width - used - 2) };
};

/** Lines of each part of the board, in cells. */
export interface BoardLines {
  readonly nodes: number;
  readonly happenings: number;
  /** Empty lines between the parts; small terminals do without. */
  readonly gap: 0 | 1;
}

/** Header 3, chain 1, table head 1, table foot 1, keys 1. */
const FIXED_LINES = 7;

/** Lines for a terminal of `height`. */
export const boardLines = (height: number): BoardLines => {
  const gap = height >= 20 ? 1 : 0;
  const free = Math.max(2, height - FIXED_LINES - 3 * gap);
  const happenings = Math.min(8, Math.max(1, Math.floor(free / 3)));
  return { nodes: Math.max(1, free - happenings), happenings, gap };
};

/** Lines between header and keys, for the screens that replace the table. */
export const screenLines = (height: number): number =>
  Math.max(1, height - 4 - 2 * boardLines(height).gap);
