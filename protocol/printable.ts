/** Text from elsewhere made safe for a terminal. */
import { stripVTControlCharacters } from 'node:util';

// Everything a terminal would obey instead of show (C0, DEL, C1) and the marks
// that turn the direction of what follows.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const OBEYED = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/**
 * One line that a terminal can only show: escape sequences are taken out, line
 * ends and tabs become spaces, other control characters become `?`.
 */
export const printable = (text: string): string =>
  stripVTControlCharacters(text)
    .trimEnd()
    .replaceAll(/[\r\n\t]+/g, ' ')
    .replaceAll(OBEYED, '?');
