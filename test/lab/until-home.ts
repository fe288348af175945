/** Waits until all machines run from their own disks. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KaProcess } from '../../demo/ka-process.ts';
import { NamedError } from '../../system/named-error.ts';
import type { ProgressOfMachine } from './progress-of-machine.ts';

/** When the machines are not home by then, something is wrong. */
const DEADLINE_MS = 25 * 60_000;
/** The journal is read within this time of its end. */
const HEARD_MS = 5000;
const LOOK_MS = 250;

/** Resolves when all machines are home and the session is over. Throws when that cannot come any more. */
export const untilHome = async (
  golden: KaProcess,
  machines: readonly ProgressOfMachine[],
  signal: AbortSignal,
): Promise<void> => {
  let session: { exitCode: number; endedMs: number } | undefined;
  void golden.ended.then((exitCode) => {
    session = { exitCode, endedMs: Date.now() };
  });
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    signal.throwIfAborted();
    if (session?.exitCode === 0 && machines.every(({ isHome }) => isHome)) return;
    if (session && session.exitCode !== 0) {
      throw new NamedError('SessionFailed', `ka golden exited ${session.exitCode}`);
    }
    const silent = machines.find(({ timeline }) => !timeline.has('phoned home'));
    if (session && silent && Date.now() > session.endedMs + HEARD_MS) {
      const message = `the session is over, but ${silent.machine.name} did not phone home`;
      throw new NamedError('NotHome', message);
    }
    const off = machines.find(({ machine }) => machine.wentOff);
    if (off)
      throw new NamedError(
        'MachineOff',
        `${off.machine.name} went off; see ${off.machine.qemuLog}`,
      );
    if (Date.now() > deadline) {
      const away = machines.filter(({ isHome }) => !isHome).map(({ machine }) => machine.name);
      const message = `${away.join(', ')} did not come home within ${DEADLINE_MS / 60_000} min`;
      throw new NamedError('TooLate', message);
    }
    // A signal's own reason is thrown above.
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
};
