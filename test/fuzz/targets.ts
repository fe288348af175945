/** Everything that is fuzzed. */
import type { Target } from './target.ts';
import { descriptionTargets } from './targets/descriptions.ts';
import { fileTargets } from './targets/files.ts';
import { textTargets } from './targets/texts.ts';

export const parsers: readonly Target[] = [...descriptionTargets, ...textTargets, ...fileTargets];

export const livingOnes: readonly Target[] = [];
