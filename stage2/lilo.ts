/** LILO, by the clone's own program. */
import type { DiskPlan } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';
import { checkBootConfig } from './boot-config.ts';
import type { CloneRoot } from './clone-root.ts';
import { readInside } from './inside.ts';
import { nodeReferences } from './node-references.ts';
import type { StepContext } from './step.ts';

const CONFIG = '/etc/lilo.conf';

/** Runs lilo on `disk`, whatever `boot=` says: the golden's disk may have another name. */
export const installLilo = async (
  clone: CloneRoot,
  disk: DiskPlan,
  context: StepContext,
): Promise<string> => {
  const { target, plan } = context;
  const config = await readInside(target, CONFIG);
  if (config === null) {
    throw new NamedError(
      'BootloaderMissing',
      `the clone has no ${CONFIG}; install lilo on the golden or choose another bootloader`,
    );
  }
  checkBootConfig(CONFIG, config, await nodeReferences(plan, context));
  await clone.run('lilo', ['-C', CONFIG, '-b', disk.device]);
  return `lilo on ${disk.device}`;
};
