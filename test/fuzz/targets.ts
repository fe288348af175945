/** Everything that is fuzzed. */
import type { Target } from './target.ts';
import { clonePlanTargets } from './targets/clone-plans.ts';
import { descriptionTargets } from './targets/descriptions.ts';
import { frameTargets } from './targets/frames.ts';
import { messageTargets } from './targets/messages.ts';

export const parsers: readonly Target[] = [
  ...clonePlanTargets,
  ...descriptionTargets,
  ...frameTargets,
  ...messageTargets,
];

export const livingOnes: readonly Target[] = [];
