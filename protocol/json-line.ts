/** What JSON leaves as it is, though a terminal would obey it: DEL, C1, and marks of direction. */
const RAW = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** As `JSON.stringify`, with everything escaped that is not to be shown; it reads the same. */
export const printableJson = (value: unknown, indent = 0): string =>
  JSON.stringify(value, null, indent).replaceAll(RAW, escaped);
