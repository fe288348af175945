/** Everything that is fuzzed. */
import { controlLink } from './living/control-link.ts';
import type { Target } from './target.ts';
import { descriptionTargets } from './targets/descriptions.ts';

export const parsers: readonly Target[] = [...descriptionTargets];

export const livingOnes: readonly Target[] = [controlLink];
