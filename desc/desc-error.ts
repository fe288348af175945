/** Everything that is wrong with one description file, found in one reading. */
import { NamedError } from '../system/named-error.ts';
import { printable } from '../system/printable.ts';

export interface DescProblem {
  file: string;
  /** From 1. Absent when the problem is the file as a whole. */
  line?: number | undefined;
  /** From 1. */
  column?: number | undefined;
  /** Where in a YAML document: `disks[0].partitions[2].size`. */
  path?: string | undefined;
  /** What is wrong; what to do. */
  reason: string;
}

/** More of one file are rarely read: they often are one mistake that shows in many lines. */
const MOST_LINES = 10;

/** A file can quote itself at any length. */
const MOST_LETTERS = 300;

const shortened = (text: string): string =>
  text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text;

/** `file:line:column: path: reason`, without the parts that are not known; safe to be printed. */
const problemLine = ({ file, line, column, path, reason }: DescProblem): string => {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return shortened(printable([place, path, reason].filter((part) => part).join(': ')));
};

const messageOf = (problems: readonly DescProblem[]): string => {
  const lines = problems.slice(0, MOST_LINES).map(problemLine);
  const [first] = problems;
  const more = problems.length - lines.length;
  return [
    ...lines,
    ...(more > 0 ? [`${printable(first?.file ?? '')}: and ${more} more`] : []),
  ].join('\n');
};

/** Code `DescInvalid`; the message has one line for each problem, in the file's order, ten at most. */
export class DescError extends NamedError {
  readonly problems: readonly DescProblem[];

  constructor(problems: readonly DescProblem[]) {
    const sorted = problems.toSorted(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    );
    super('DescInvalid', messageOf(sorted));
    this.problems = sorted;
  }
}
