/** Lets go of everything the steps hold: processes inside the clone and all mounts. */
import { readdir, readlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { toFailure } from '../protocol/failure.ts';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { mountsUnder } from './mount-table.ts';
import { unmountElsewhere } from './other-namespaces.ts';
import type { StepContext } from './step.ts';

const UNMOUNT_TRIES = 5;
const TRY_AGAIN_MS = 400;
const UNMOUNT_TIMEOUT_MS = 5 * 60 * 1000;

/** Programs unmounting calls; the second for copies of mounts in other namespaces. */
export const UNMOUNT_TOOLS: readonly string[] = ['umount', 'nsenter'];

type Target = Pick<StepContext, 'target' | 'log'>;

/**
 * Unmounts everything at and below `target`, deepest first, after ending the
 * processes that run inside it. Throws `StillMounted` naming the mount and who
 * holds it when one stays busy.
 */
export const unmountAll = async ({ target, log }: Target): Promise<void> => {
  const mounts = await mountsUnder(target);
  await unmountSome(
    { target, log },
    mounts.map(({ mount }) => mount),
  );
  await unmountElsewhere(mounts, log);
};

/** As `unmountAll`, but only `mountPoints`, given in mount order. */
export const unmountSome = async (
  { target, log }: Target,
  mountPoints: readonly string[],
): Promise<void> => {
  await endProcessesInside({ target, log });
  for (const mountPoint of [...mountPoints].reverse()) await unmountPatiently(mountPoint, log);
};

const unmountPatiently = async (mountPoint: string, log: StepContext['log']): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await run('umount', [mountPoint], { log, timeoutMs: UNMOUNT_TIMEOUT_MS });
      return;
    } catch (error) {
      if (attempt < UNMOUNT_TRIES) {
        await sleep(TRY_AGAIN_MS);
        continue;
      }
      const failure = toFailure(error);
      throw new NamedError(
        'StillMounted',
        `${mountPoint} stays in use and cannot be unmounted; end what uses it: ${failure.message}`,
        { cause: error, output: failure.output },
      );
    }
  }
};

/**
 * For failure and abort: as `unmountAll`, but a mount that stays busy is
 * detached lazily. Returns one line for each thing that could not be undone
 * properly (empty = all clean); never throws for a busy mount.
 */
export const cleanUp = async ({ target, log }: Target): Promise<string[]> => {
  const leftOvers: string[] = [];
  await endProcessesInside({ target, log });
  const mounts = await mountsUnder(target);
  for (const { mount: mountPoint } of mounts.toReversed()) {
    try {
      await unmountPatiently(mountPoint, log);
    } catch (error) {
      leftOvers.push(`${toFailure(error).message}; detached lazily`);
      await run('umount', ['--lazy', mountPoint], { log });
    }
  }
  await unmountElsewhere(mounts, log);
  for (const line of leftOvers) log(line);
  return leftOvers;
};

/** A tool run by chroot may leave a helper behind (gpg-agent, a daemon): whatever has its root in the clone is ours. */
const endProcessesInside = async ({ target, log }: Target): Promise<void> => {
  const root = resolve(target);
  const own = await readlink('/proc/self/ns/mnt');
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    // The same path in another mount namespace is another place: another agent's clone.
    const namespace = await readlink(`/proc/${pid}/ns/mnt`).catch(() => null);
    if (namespace !== own) continue;
    const processRoot = await readlink(`/proc/${pid}/root`).catch(() => null);
    if (processRoot !== root && !processRoot?.startsWith(`${root}/`)) continue;
    log(`ending process ${pid}, left behind in ${processRoot}`);
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      log(`process ${pid}: ${toFailure(error).message}`);
    }
  }
};
