/** Step: look for every program the work on this node will call, before anything is written. */

import type { ClonePlan } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';
import { missingTools } from '../system/tools.ts';
import { REBOOT_TOOLS } from './reboot.ts';
import { streamTools } from './receive.ts';
import { finished, type Step } from './step.ts';

/** Programs of this machine that `steps`, the streams before them and the restart call for this plan. */
export const toolsFor = (
  steps: readonly Step[],
  plan: ClonePlan,
  { reboot }: { reboot: boolean },
): string[] => [
  ...new Set([
    ...streamTools(plan),
    ...steps.flatMap(({ tools }) => tools(plan)),
    ...(reboot ? REBOOT_TOOLS : []),
  ]),
];

/** Comes before all of `steps`. Throws `ToolMissing` naming all that are not there. */
export const checkToolsStep = (steps: readonly Step[]): Step => ({
  name: 'check tools',
  timeoutMs: 60 * 1000,
  tools: () => [],
  run: async ({ plan, reboot }) => {
    const needed = toolsFor(steps, plan, { reboot });
    const missing = await missingTools(needed);
    if (missing.length > 0) {
      throw new NamedError(
        'ToolMissing',
        `${missing.join(', ')} not installed on this node; install what provides it, or add it to its boot image`,
      );
    }
    return finished(`${needed.length} programs`);
  },
});
