/** Everything that is fuzzed. */
import type { Target } from './target.ts';
import { descriptionTargets } from './targets/descriptions.ts';
import { messageTargets } from './targets/messages.ts';

export const parsers: readonly Target[] = [...descriptionTargets, ...messageTargets];

export const livingOnes: readonly Target[] = [];
