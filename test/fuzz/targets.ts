/** Everything that is fuzzed. */
import { controlLink } from './living/control-link.ts';
import type { Target } from './target.ts';
import { chainTargets } from './targets/chain.ts';
import { descriptionTargets } from './targets/descriptions.ts';
import { fileTargets } from './targets/files.ts';
import { messageTargets } from './targets/messages.ts';
import { stateTargets } from './targets/state.ts';
import { textTargets } from './targets/texts.ts';

export const parsers: readonly Target[] = [
  ...descriptionTargets,
  ...textTargets,
  ...fileTargets,
  ...messageTargets,
  ...chainTargets,
  ...stateTargets,
];

export const livingOnes: readonly Target[] = [controlLink];
