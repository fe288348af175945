/** Steps: give the clone an identity of its own. */
import { CLONE_TOOLS, type CloneRoot, inClone } from './clone-root.ts';
import { renameHost } from './host-name.ts';
import { renewMachineId } from './machine-id.ts';
import { forgetTraces } from './machine-traces.ts';
import { renewHostKeys } from './ssh-host-keys.ts';
import { finished, type Step, type StepContext, type StepOutcome, skipped } from './step.ts';
import { copiesRoot, hasSystem, NO_SYSTEM } from './system-root.ts';

export const identityStep: Step = {
  name: 'identity',
  timeoutMs: 5 * 60 * 1000,
  // Without an ssh-keygen, here and in the clone, keys are only removed; the step says so.
  tools: (plan) => (copiesRoot(plan) ? CLONE_TOOLS : []),
  run: async (context) =>
    (await hasSystem(context))
      ? inClone(context, (clone) => giveIdentity(context, clone))
      : skipped(NO_SYSTEM),
};

/** For a clone in a directory, where nothing can be mounted or run. */
export const directoryIdentityStep: Step = {
  ...identityStep,
  tools: () => [],
  run: async (context) =>
    (await hasSystem(context)) ? giveIdentity(context, null) : skipped(NO_SYSTEM),
};

const giveIdentity = async (
  context: StepContext,
  clone: CloneRoot | null,
): Promise<StepOutcome> => {
  const { plan, target, log, progress } = context;
  const details: string[] = [];
  const tell = (detail: string): void => {
    details.push(detail);
    log(detail);
    progress(detail);
  };
  tell(await renameHost(target, { from: plan.goldenHostname, to: plan.hostname }));
  tell(await renewMachineId(target));
  tell(await renewHostKeys(clone, context));
  tell(await forgetTraces(target));
  return finished(details.join('; '));
};
