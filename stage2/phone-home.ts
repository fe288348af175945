/**
 * Step: leave in the clone what says, once, after its first boot, that it runs from
 * its own disk (`protocol/home.ts`), and then removes itself.
 */
import { mkdir, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type HomeCall, PHONE_HOME } from '../protocol/home.ts';
import { entryInside, inside, orNull } from '../system/inside.ts';
import { CLONE_TOOLS, type CloneRoot, inClone } from './clone-root.ts';
import { findCaller, homeScript } from './phone-home-script.ts';
import { findInit, findStarters } from './phone-home-start.ts';
import { finished, type Step, type StepOutcome, skipped } from './step.ts';
import { copiesRoot, hasSystem, NO_SYSTEM } from './system-root.ts';

export const phoneHomeStep: Step = {
  name: PHONE_HOME,
  timeoutMs: 60_000,
  tools: (plan) => (copiesRoot(plan) ? CLONE_TOOLS : []),
  run: async (context) =>
    (await hasSystem(context))
      ? inClone(context, (clone) => arrangePhoneHome(context.target, context.home, clone))
      : skipped(NO_SYSTEM),
};

const SCRIPT = '/usr/local/lib/ka/phone-home';

/**
 * Takes away what an older cloning left (a golden that never reached its own),
 * then installs the call, if there is to be one. Skipped where the clone has
 * nothing to call with: then nobody must wait for it.
 */
export const arrangePhoneHome = async (
  root: string,
  home: HomeCall | null,
  clone: CloneRoot,
): Promise<StepOutcome> => {
  for (const path of [SCRIPT, ...(await findStarters(root))]) {
    await orNull(unlink(await entryInside(root, path)));
  }
  if (!home) return finished('nobody waits for it');
  const caller = await findCaller(root);
  if (!caller) {
    return skipped('the clone has none of bash, nc, python3, perl, curl to call with');
  }
  const init = await findInit(root, SCRIPT);
  if (!init) return skipped("the clone's init is not systemd, sysvinit or openrc");
  const entries = [SCRIPT, init.file, ...init.links];
  const script = homeScript(home, caller, { entries, afterwards: init.disable });
  await put(root, SCRIPT, script, 0o700);
  await put(root, init.file, init.text, init.mode);
  if (init.enable) {
    const [command, ...args] = init.enable;
    await clone.run(command, args);
  }
  for (const link of init.enable ? [] : init.links) {
    const place = await entryInside(root, link);
    await mkdir(dirname(place), { recursive: true });
    await symlink(init.file, place);
  }
  return finished(`at its first boot (${init.name}, ${caller.program})`);
};

const put = async (root: string, path: string, text: string, mode: number): Promise<void> => {
  const place = await inside(root, path);
  await mkdir(dirname(place), { recursive: true });
  await rm(place, { force: true });
  await writeFile(place, text, { mode, flag: 'wx' });
};
