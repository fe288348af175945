/** How far a long run has come, so that it can be stopped and go on. */
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere } from '../../system/read-if-there.ts';
import { replaceFile } from '../../system/replace-file.ts';

/** Turns done, by target. */
const Turns = z.record(z.string(), z.int().min(0));

/** Each seed has cases of its own. */
const progressFile = (seed: number): string => join('.cache', 'fuzz', `${seed}.json`);

/** Turns done of earlier runs with this seed; none where there was no such run. */
export const readProgress = (seed: number): Map<string, number> => {
  const text = readIfThere(progressFile(seed));
  return new Map(Object.entries(text === undefined ? {} : Turns.parse(JSON.parse(text))));
};

export const writeProgress = (seed: number, turns: ReadonlyMap<string, number>): void =>
  replaceFile(progressFile(seed), JSON.stringify(Object.fromEntries(turns)));
