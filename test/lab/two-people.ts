/** Lets machines in by code, as two people do: one before the machine, one before the golden. */
import { join } from 'node:path';
import { type KaProcess, lastLines } from '../../demo/ka-process.ts';
import { NamedError } from '../../system/named-error.ts';
import type { MachineOptions } from './machine.ts';
import type { ProgressOfMachine } from './progress-of-machine.ts';

/** Kernel and initrd of a boot image, started by something that knows no golden and has no ticket. */
export const stickOf = (images: string): MachineOptions['stick'] => ({
  kernel: join(images, 'default', 'vmlinuz'),
  initrd: join(images, 'default', 'initrd.img'),
  words: 'kamethod console=tty0 console=ttyS0,115200 loglevel=5',
});

/** From a keyboard to the golden. */
const HEARD_MS = 30_000;

/** Runs a command on the golden to its end; its output is in the log file. */
export type OnGolden = (args: readonly string[], logName: string) => KaProcess;

const said = async (process: KaProcess): Promise<string> => {
  const exitCode = await process.ended;
  const output = await lastLines(process, 100);
  if (exitCode === 0) return output;
  throw new NamedError('NotLetIn', `a command on the golden exited ${exitCode}`, { output });
};

/**
 * Waits for the code on the machine's serial console, says yes there, sees that
 * the golden has heard that and shows the same code, and admits it. Throws
 * `NotLetIn` where one of them does not.
 */
export const letIn = async (
  { machine, timeline }: ProgressOfMachine,
  onGolden: OnGolden,
  signal: AbortSignal,
): Promise<void> => {
  const question = /^Does the golden show (\d{3}) (\d{3}) too\?/m;
  const [, first = '', last = ''] = await machine.waitFor(question, { signal });
  timeline.reach('asks by code', `${first} ${last}`);
  await machine.type('y\r');
  const line = new RegExp(`^${first} ${last} .*its own side has said yes$`, 'm');
  const requests = `${machine.name}.requests.log`;
  const until = Date.now() + HEARD_MS;
  while (!line.test(await said(onGolden(['requests'], requests)))) {
    signal.throwIfAborted();
    if (Date.now() < until) continue;
    const message = `the golden has not heard within ${HEARD_MS / 1000} s what was typed at ${machine.name}`;
    throw new NamedError('NotLetIn', message);
  }
  timeline.note('its console said yes, and the golden shows the same code');
  await said(onGolden(['admit', `${first}${last}`], `${machine.name}.admit.log`));
};
