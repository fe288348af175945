/** A terminal picture (text with ANSI colours) as an SVG that any browser shows the same. */

const CELL_WIDTH = 8.4;
const LINE_HEIGHT = 18;
const MARGIN = 14;

const GROUND = '#14181d';
const PLAIN = '#d7dce2';
const DIM = '#7d8794';
const COLORS: Readonly<Record<string, string>> = {
  '31': '#f2777a',
  '33': '#e8b95a',
  '36': '#5ac8d8',
};

interface Style {
  color: string | null;
  bold: boolean;
  dim: boolean;
}

const plain: Style = { color: null, bold: false, dim: false };

/** The style after one SGR code; codes the board does not use are refused, so that none is lost silently. */
const applyCode = (style: Style, code: string): Style => {
  if (code === '0' || code === '') return plain;
  if (code === '1') return { ...style, bold: true };
  if (code === '2') return { ...style, dim: true };
  if (code === '22') return { ...style, bold: false, dim: false };
  if (code === '39') return { ...style, color: null };
  const color = COLORS[code];
  if (!color) throw new Error(`no colour for SGR ${code}`);
  return { ...style, color };
};

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Runs of one style in a line, with the cell each starts at. */
const runs = (line: string, start: Style) => {
  const found: { at: number; text: string; style: Style }[] = [];
  let style = start;
  let at = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape is what starts a colour
  for (const [, codes, text] of line.matchAll(/\u001b\[([0-9;]*)m|([^\u001b]+)/g)) {
    if (codes !== undefined) style = codes.split(';').reduce(applyCode, style);
    if (!text) continue;
    found.push({ at, text, style });
    at += [...text].length;
  }
  return { found, style };
};

const EIGHTHS = ' ▏▎▍▌▋▊▉█';

/** Blocks are drawn, not written: fonts leave gaps between them. */
const drawBlocks = (text: string, at: number, top: number, fill: string): string => {
  const eighths = [...text].reduce((sum, cell) => sum + Math.max(0, EIGHTHS.indexOf(cell)), 0);
  const x = (MARGIN + at * CELL_WIDTH).toFixed(1);
  const width = ((eighths / 8) * CELL_WIDTH).toFixed(1);
  return `<rect x="${x}" y="${top + 2}" width="${width}" height="${LINE_HEIGHT - 5}" fill="${fill}"/>`;
};

const drawRun = (run: { at: number; text: string; style: Style }, top: number): string => {
  const { at, text, style } = run;
  if (text.trim() === '') return '';
  const fill = style.color ?? (style.dim ? DIM : PLAIN);
  if (/^[▏▎▍▌▋▊▉█]+ *$/.test(text)) return drawBlocks(text, at, top, fill);
  const indent = text.length - text.trimStart().length;
  const shown = text.trim();
  const x = (MARGIN + (at + indent) * CELL_WIDTH).toFixed(1);
  const length = ([...shown].length * CELL_WIDTH).toFixed(1);
  const weight = style.bold ? ' font-weight="bold"' : '';
  return `<text x="${x}" y="${top + 13}" textLength="${length}" fill="${fill}"${weight}>${escapeXml(shown)}</text>`;
};

/** `frame` as drawn for `columns` cells. */
export const ansiToSvg = (frame: string, columns: number): string => {
  const lines = frame.replace(/\n$/, '').split('\n');
  const width = Math.ceil(columns * CELL_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  let style = plain;
  const body = lines.flatMap((line, index) => {
    const result = runs(line, style);
    style = result.style;
    return result.found.map((run) => drawRun(run, MARGIN + index * LINE_HEIGHT));
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="The board of a running session">`,
    `<rect width="${width}" height="${height}" rx="8" fill="${GROUND}"/>`,
    `<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">`,
    ...body.filter((line) => line !== ''),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
};
