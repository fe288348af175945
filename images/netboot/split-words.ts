import { NamedError } from '../../system/named-error.ts';

/** A word: pieces without blanks, in single quotes, or in double quotes with backslashes. */
const WORD = /(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/gs;
const PIECE = /\\(.)|'([^']*)'|"((?:[^"\\]|\\.)*)"|[^'"\\]+/gs;

const unquote = (word: string): string =>
  word.replaceAll(
    PIECE,
    (piece: string, escaped?: string, single?: string, double?: string) =>
      escaped ?? single ?? double?.replaceAll(/\\(["\\])/g, '$1') ?? piece,
  );

/**
 * Splits a command into its words as a shell does, and does nothing else a shell
 * does: no variables, no patterns, no pipes. Throws `BadCommand` when a quote
 * does not end.
 */
export const splitWords = (command: string): string[] => {
  if (command.replaceAll(WORD, '').trim() !== '') {
    throw new NamedError('BadCommand', `command "${command}": a quote or backslash has no end`);
  }
  return (command.match(WORD) ?? []).map(unquote);
};
