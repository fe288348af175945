/** Everything that is fuzzed. */
import type { Target } from './target.ts';
import { boardTargets } from './targets/board.ts';
import { chainStateTargets } from './targets/chain-state.ts';
import { clonePlanTargets } from './targets/clone-plans.ts';
import { descriptionTargets } from './targets/descriptions.ts';
import { frameTargets } from './targets/frames.ts';
import { limitTargets } from './targets/limits.ts';
import { messageTargets } from './targets/messages.ts';

export const parsers: readonly Target[] = [
  ...boardTargets,
  ...chainStateTargets,
  ...clonePlanTargets,
  ...descriptionTargets,
  ...frameTargets,
  ...limitTargets,
  ...messageTargets,
];

export const livingOnes: readonly Target[] = [];
