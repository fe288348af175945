/**
 * Text that others wrote, as it enters: printable, and no longer than it may be.
 * What is too long is cut, not refused: an honest node's tar may say much.
 */
import { z } from 'zod';
import { isPrintable, printable } from '../system/printable.ts';

/** In characters: names of things, one sentence, one line of a command, the last lines of one. */
const NAME = 256;
const LINE = 2000;
const LOG_LINE = 8192;
const OUTPUT = 16_384;
const OUTPUT_LINES = 64;

/** Half of a character beyond 16 bits. */
const HALF_AT_END = /[\ud800-\udbff]$/;

const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1).replace(HALF_AT_END, '')}…` : text;

/** Cut before it is read, too: what makes a line longer than it looks is not worth the time. */
const oneLine = (text: string, most: number): string => cut(printable(cut(text, 4 * most)), most);

/** Name of a step, a stream, a kernel. */
export const Name = z.string().transform((text) => oneLine(text, NAME));

/**
 * What a stream is called, and what it is: compared, so it is taken as it is or
 * not at all. The name may hold a whole path.
 */
export const StreamName = z.string().max(4200).refine(isPrintable);
export const StreamKind = z.string().max(NAME).refine(isPrintable);

/** A reason, a detail, a warning: one line. */
export const Line = z.string().transform((text) => oneLine(text, LINE));

/** One line of what a command printed. */
export const LogLine = z.string().transform((text) => oneLine(text, LOG_LINE));

/** Last lines of a command: the last ones are kept. */
export const Output = z.string().transform((text) =>
  text
    .slice(-OUTPUT)
    .split('\n')
    .slice(-OUTPUT_LINES)
    .map((line) => oneLine(line, LINE))
    .join('\n'),
);
