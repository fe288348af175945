/** Everything that is fuzzed. */
import type { Target } from './target.ts';
import { descriptionTargets } from './targets/descriptions.ts';
import { frameTargets } from './targets/frames.ts';
import { messageTargets } from './targets/messages.ts';

export const parsers: readonly Target[] = [
  ...descriptionTargets,
  ...frameTargets,
  ...messageTargets,
];

export const livingOnes: readonly Target[] = [];
