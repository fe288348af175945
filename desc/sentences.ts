/** What is wrong with a value of a description, for people: the schema's own words are for programs. */
import type { z } from 'zod';

type Issue = z.core.$ZodRawIssue;

const isMapping = (value: unknown): boolean => typeof value === 'object' && value !== null;

const shown = (value: unknown): string => {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (isMapping(value)) return 'a mapping (key: value)';
  return typeof value === 'string' ? 'text' : `the ${typeof value} ${String(value)}`;
};

const wanted: Record<string, string> = {
  string: 'text; put numbers in quotes',
  number: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list; write [one, two], or lines that begin with "- "',
  object: 'a mapping; write lines of key: value',
};

/** Said of a value that fits none of the forms allowed at its place. */
export const NO_FORM = 'has none of the forms allowed here; see docs/desc.md';

const tooSmall = ({ origin, minimum }: { origin: string; minimum: number | bigint }): string =>
  origin === 'string' || origin === 'array'
    ? 'empty; remove it or write something'
    : `too small; the least is ${minimum}`;

const tooBig = ({ origin, maximum }: { origin: string; maximum: number | bigint }): string => {
  if (origin === 'string') return `longer than ${maximum} characters; shorten it`;
  return origin === 'array'
    ? `more than ${maximum} of them; remove some`
    : `too large; the most is ${maximum}`;
};

/** For zod's `error` option; what a schema says itself comes first. */
export const sentence = (issue: Issue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return `${shown(issue.input)}, where there must be ${wanted[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return tooSmall(issue);
    case 'too_big':
      return tooBig(issue);
    case 'invalid_value':
      return `not one of ${issue.values.map(String).join(', ')}; write one of these`;
    case 'invalid_union':
      return NO_FORM;
    default:
      return 'not what may stand here; see docs/desc.md';
  }
};
