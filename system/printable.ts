/** Text from elsewhere made safe for a terminal. */
import { stripVTControlCharacters } from 'node:util';

// Everything a terminal would obey instead of show (C0, DEL, C1), the marks
// that turn the direction of what follows, and Unicode's own line ends.
const CONTROLS = '\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f';
const MARKS = '\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069';

const OBEYED = new RegExp(`[${CONTROLS}${MARKS}]`, 'g');
const NOT_SHOWN = new RegExp(`[\\u0009${CONTROLS}${MARKS}]`);

/**
 * One line that a terminal can only show: escape sequences are taken out, line
 * ends and tabs become spaces, other control characters become `?`.
 */
export const printable = (text: string): string =>
  stripVTControlCharacters(text)
    .trimEnd()
    .replaceAll(/[\r\n\t]+/g, ' ')
    .replaceAll(OBEYED, '?');

/** Whether a terminal shows every character of it, on one line. */
export const isPrintable = (text: string): boolean => !NOT_SHOWN.test(text);
