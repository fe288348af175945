/** Numbers as people read them: sizes, rates, durations, bars. Binary units throughout. */

const KIB = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;

const UNITS = [
  [TIB, 'TiB'],
  [GIB, 'GiB'],
  [MIB, 'MiB'],
  [KIB, 'KiB'],
] as const;

/** Three figures are enough to compare and narrow enough for a column. */
const figures = (value: number): string =>
  value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);

const unitOf = (bytes: number) => UNITS.find(([size]) => bytes >= size) ?? [1, 'B'];

/** Bytes as "1.91 GiB", "812 MiB", "17 B". */
export const formatBytes = (bytes: number): string => {
  const [size, unit] = unitOf(bytes);
  return size === 1 ? `${Math.round(bytes)} B` : `${figures(bytes / size)} ${unit}`;
};

/** Bytes as "4.1 MiB", whatever their size: for columns, where a changing unit would mislead. */
export const formatMebibytes = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

/** Two amounts in the unit of the larger: "1.24 of 1.91 GiB". */
export const formatShare = (bytes: number, ofBytes: number): string => {
  const [size, unit] = unitOf(ofBytes);
  return `${figures(bytes / size)} of ${figures(ofBytes / size)} ${unit}`;
};

/** Bytes per second as "112 MiB/s". */
export const formatRate = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`;

/** Bytes in whole "Megs" (MiB), the original's word. */
export const formatMegs = (bytes: number): string => `${Math.round(bytes / MIB)} Megs`;

/** Bytes per second as the original printed it: "11.343 Mbytes/second" (MiB). */
export const formatMegsRate = (bytesPerSecond: number): string =>
  `${(bytesPerSecond / MIB).toFixed(3)} Mbytes/second`;

/** Milliseconds as "69.904 seconds". */
export const formatSeconds = (ms: number): string => `${(ms / 1000).toFixed(3)} seconds`;

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** Milliseconds as "00:03:12"; hours may pass 99. */
export const formatDuration = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map(twoDigits).join(':');
};

/** Milliseconds since 1970 as local time of day, "14:03:12". */
export const formatClock = (time: number): string => {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':');
};

/** Share 0…1 as "65 %". Full only when it is full: 99.9 % must not look done. */
export const formatPercent = (share: number): string =>
  `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`;

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of exactly `width` cells, filled to `share` (0…1) in steps of an eighth. */
export const formatBar = (share: number, width: number): string => {
  const eighths = Math.floor(Math.min(1, Math.max(0, share)) * width * 8);
  const bar = '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
  return bar.padEnd(width);
};

/** Text cut to `width` cells; what is missing shows as "…". */
export const cut = (text: string, width: number): string => {
  const letters = [...text];
  if (letters.length <= width) return text;
  return width <= 0 ? '' : `${letters.slice(0, width - 1).join('')}…`;
};

/** Text cut or padded to exactly `width` cells. */
export const fitLeft = (text: string, width: number): string => {
  const short = cut(text, width);
  return short + ' '.repeat(Math.max(0, width - [...short].length));
};

/** Text cut to, or put at the right of, exactly `width` cells. */
export const fitRight = (text: string, width: number): string => {
  const short = cut(text, width);
  return ' '.repeat(Math.max(0, width - [...short].length)) + short;
};

/** "1 node", "3 nodes". */
export const count = (amount: number, word: string): string =>
  `${amount} ${word}${amount === 1 ? '' : 's'}`;
