/** The events themselves, one JSON object a line, for programs. */
import { printableJson } from '../protocol/json-line.ts';
import type { Subscribe } from './subscribe.ts';

/** Writes each event as one line of JSON (without line end) until the returned function is called. */
export const startJson = (subscribe: Subscribe, write: (line: string) => void): (() => void) =>
  subscribe((event) => write(printableJson(event)));
