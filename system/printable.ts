/** Text from elsewhere made safe for a terminal, a log and a page. */

/**
 * Escape sequences by ECMA-48: control strings (OSC and its like) with their
 * end, CSI, and the short ones. Each part stops at the next escape, so that no
 * text takes longer than its length.
 */
const SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  /(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b[ -/]*[0-~]/g;

/**
 * Everything a terminal would obey instead of show (C0, DEL, C1), line ends of
 * Unicode, the marks that turn the direction of what follows, and halves of
 * characters. Tabs and line ends are not among them.
 */
const OBEYED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

const NOT_SHOWN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/u;

/**
 * One line that a terminal can only show: escape sequences are taken out, line
 * ends and tabs become spaces, other control characters become `?`.
 */
export const printable = (text: string): string =>
  text
    .replaceAll(SEQUENCES, '')
    .trimEnd()
    .replaceAll(/[\r\n\t]+/g, ' ')
    .replaceAll(OBEYED, '?');

/** Whether a terminal shows every character of it, on one line. */
export const isPrintable = (text: string): boolean => !NOT_SHOWN.test(text);

/** Whether all of it was UTF-8 before it was text: other bytes have become U+FFFD, and name nothing any more. */
export const isDecoded = (text: string): boolean => !text.includes('\ufffd');
