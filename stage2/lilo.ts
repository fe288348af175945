/** LILO, by the clone's own program. */
import { LILO_CONFIG } from '../boot/loaders/lilo.ts';
import type { DiskPlan } from '../desc/clone-plan.ts';
import { readInside } from '../system/inside.ts';
import { checkBootConfig } from './boot-config.ts';
import { missingInClone } from './clone-part.ts';
import type { CloneRoot } from './clone-root.ts';
import { nodeReferences } from './node-references.ts';
import type { StepContext } from './step.ts';

/** Runs lilo on `disk`, whatever `boot=` says: the golden's disk may have another name. */
export const installLilo = async (
  clone: CloneRoot,
  disk: DiskPlan,
  context: StepContext,
): Promise<string> => {
  const { target, plan } = context;
  const config = await readInside(target, LILO_CONFIG);
  if (config === null) throw missingInClone(LILO_CONFIG);
  checkBootConfig(LILO_CONFIG, config, await nodeReferences(plan, context));
  await clone.run('lilo', ['-C', LILO_CONFIG, '-b', disk.device]);
  return `lilo on ${disk.device}`;
};
