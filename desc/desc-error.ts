/** Everything that is wrong with one description file, found in one reading. */
import { NamedError } from '../system/named-error.ts';

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

/** `file:line:column: path: reason`, without the parts that are not known. */
export const problemLine = ({ file, line, column, path, reason }: DescProblem): string => {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return [place, path, reason].filter((part) => part).join(': ');
};

/** Code `DescInvalid`; the message has one line for each problem, in the file's order. */
export class DescError extends NamedError {
  readonly problems: readonly DescProblem[];

  constructor(problems: readonly DescProblem[]) {
    const sorted = problems.toSorted(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    );
    super('DescInvalid', sorted.map(problemLine).join('\n'));
    this.problems = sorted;
  }
}
