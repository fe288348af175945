/**
 * Leaves in the clone what says, once, after its first boot, that it runs from
 * its own disk (`protocol/home.ts`), and then removes itself.
 */
import { mkdir, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HomeCall } from '../protocol/home.ts';
import type { CloneRoot } from './clone-root.ts';
import { entryInside, inside, orNull } from './inside.ts';
import { findCaller, homeScript } from './phone-home-script.ts';
import { findInit, STARTERS } from './phone-home-start.ts';

const SCRIPT = '/usr/local/lib/ka/phone-home';

/**
 * Takes away what an older cloning left (a golden that never reached its own),
 * then installs the call, if there is to be one. Returns in words what was
 * done; null when nothing was to be done.
 */
export const arrangePhoneHome = async (
  root: string,
  home: HomeCall | null,
  clone: CloneRoot,
): Promise<string | null> => {
  for (const path of [SCRIPT, ...STARTERS]) await orNull(unlink(await entryInside(root, path)));
  if (!home) return null;
  const caller = await findCaller(root);
  if (!caller) {
    return 'will not report its first boot: the clone has none of bash, nc, python3, perl, curl';
  }
  const init = await findInit(root, SCRIPT);
  if (!init) return 'will not report its first boot: its init is not systemd, sysvinit or openrc';
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
  return `will report its first boot (${init.name}, ${caller.program})`;
};

const put = async (root: string, path: string, text: string, mode: number): Promise<void> => {
  const place = await inside(root, path);
  await mkdir(dirname(place), { recursive: true });
  await rm(place, { force: true });
  await writeFile(place, text, { mode, flag: 'wx' });
};
