/** Plugs emulated machines into the lab's switch. */
import type { Lab } from '../../demo/lab.ts';
import { run } from '../../system/run.ts';
import type { MachineOptions } from './machine.ts';

/** Lays the cable of machine `number` (1, 2 …); gone with the lab's switch. */
export const plugIn = async (lab: Lab, number: number): Promise<MachineOptions['cable']> => {
  const { namespace } = lab.switchPort(lab.golden);
  const tap = `tap${number}`;
  await run('ip', ['-n', namespace, 'tuntap', 'add', 'dev', tap, 'mode', 'tap']);
  await run('ip', ['-n', namespace, 'link', 'set', tap, 'master', 'br0', 'up']);
  return { argv: (command) => ['ip', 'netns', 'exec', namespace, ...command], tap };
};
