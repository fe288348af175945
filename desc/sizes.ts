/** Sizes as people write them, and back. */
import type { Size } from './model.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const TIB = 1024 * GIB;

const unitBytes: Record<string, number> = {
  B: 1,
  KiB: KIB,
  MiB: MIB,
  GiB: GIB,
  TiB: TIB,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/** Number and unit, `fill`, or a percentage. Bare numbers and `5G` are not sizes: two readings. */
export const sizePattern =
  /^(?:fill|\d+(?:\.\d+)?\s?%|\d+(?:\.\d+)?\s?(?:B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB))$/;
export const bytesPattern = /^\d+(?:\.\d+)?\s?(?:B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)$/;

/** Bytes of text that fits `bytesPattern`, rounded up to whole bytes. */
export const bytesOf = (text: string): number => {
  const unit = text.replace(/^[\d.]+\s?/, '');
  return Math.ceil(Number.parseFloat(text) * (unitBytes[unit] ?? Number.NaN));
};

/** `Size` of text that fits `sizePattern`. Zero and percentages over 100 come out as they are. */
export const sizeOf = (text: string): Size => {
  if (text === 'fill') return { kind: 'fill' };
  if (text.endsWith('%')) return { kind: 'percent', percent: Number.parseFloat(text) };
  return { kind: 'bytes', bytes: bytesOf(text) };
};

/** Shortest text that means exactly so many bytes: 20GiB, 3500MiB, 512B. */
export const exactBytes = (bytes: number): string => {
  const units = [
    ['GiB', GIB],
    ['MiB', MIB],
    ['KiB', KIB],
  ] as const;
  const unit = units.find(([, size]) => bytes % size === 0);
  return unit ? `${bytes / unit[1]}${unit[0]}` : `${bytes}B`;
};

/** `Size` as `sizeOf` reads it. */
export const sizeText = (size: Size): string => {
  if (size.kind === 'fill') return 'fill';
  return size.kind === 'percent' ? `${size.percent}%` : exactBytes(size.bytes);
};

/** For people: 3500 MiB, 7.8 GiB, 512 bytes. Exact when it can be said in whole MiB below 10 GiB. */
export const shownBytes = (bytes: number): string => {
  if (bytes >= TIB) return `${(bytes / TIB).toFixed(2)} TiB`;
  if (bytes >= 10 * GIB || (bytes > 0 && bytes % GIB === 0)) return `${trimmed(bytes / GIB)} GiB`;
  if (bytes >= MIB) return `${trimmed(bytes / MIB)} MiB`;
  return bytes >= KIB ? `${trimmed(bytes / KIB)} KiB` : `${bytes} bytes`;
};

/** Two different sizes, told so that they look different. */
export const shownApart = (a: number, b: number): [string, string] => {
  const shown: [string, string] = [shownBytes(a), shownBytes(b)];
  return shown[0] === shown[1] && a !== b ? [`${a} bytes`, `${b} bytes`] : shown;
};

const trimmed = (value: number): string => value.toFixed(1).replace(/\.0$/, '');
