/** Restarts the machine from its own disk. Called by the agent when all steps are done. */
import { writeFile } from 'node:fs/promises';
import { existsInside } from '../system/inside.ts';
import { NamedError } from '../system/named-error.ts';
import { type CommandLog, run } from '../system/run.ts';

/** Programs every restart calls; systemctl is there where systemd runs. */
export const REBOOT_TOOLS: readonly string[] = ['sync'];

/**
 * Asks systemd where it runs, so that services end properly. A boot image has
 * no such init: there everything is already unmounted and synced, and the
 * kernel is asked directly (sysrq "b", admin-guide/sysrq).
 */
export const rebootMachine = async ({
  signal,
  log,
}: {
  signal: AbortSignal;
  log: CommandLog;
}): Promise<void> => {
  await run('sync', [], { signal, log });
  if (await existsInside('/', '/run/systemd/system')) {
    await run('systemctl', ['reboot'], { signal, log });
    return;
  }
  log('restarting by /proc/sysrq-trigger');
  try {
    await writeFile('/proc/sysrq-trigger', 'b');
  } catch (error) {
    throw new NamedError(
      'RebootFailed',
      'this machine cannot restart itself; switch it off and on',
      {
        cause: error,
      },
    );
  }
};
