/** What a run of the lab says at its end. */
import { readFile } from 'node:fs/promises';
import { type KaProcess, lastLines } from '../../demo/ka-process.ts';
import type { Say } from '../../demo/progress.ts';
import { tail } from '../../system/run.ts';
import type { ProgressOfMachine } from './progress-of-machine.ts';

const LINES_SHOWN = 30;

/** The ends of what everybody wrote, where something went wrong. */
export const tellTrouble = async (
  say: Say,
  machines: readonly ProgressOfMachine[],
  processes: readonly KaProcess[],
): Promise<void> => {
  const show = (title: string, text: string) => {
    say(`${title}, the last lines:`);
    for (const line of text.split('\n')) say(`  | ${line}`);
  };
  for (const { machine, isHome } of machines) {
    if (isHome) continue;
    show(`${machine.name}'s console`, machine.lastLines(LINES_SHOWN));
    const log = await readFile(machine.qemuLog, 'utf8').catch(() => 'it was not switched on');
    show(machine.qemuLog, tail(log, LINES_SHOWN));
  }
  for (const process of processes) {
    if (process.logFile !== null) show(process.logFile, await lastLines(process, LINES_SHOWN));
  }
};

const seconds = (value: number | undefined): string =>
  value === undefined ? '?' : value.toFixed(0);

export const tellTimes = (say: Say, machines: readonly ProgressOfMachine[]): void => {
  for (const { machine, hostName, timeline } of machines) {
    const toSession = seconds(timeline.between('power on', 'waiting in the session'));
    const toLogin = seconds(timeline.between('power on', 'login prompt'));
    say(
      `${machine.name} is ${hostName}: from power-on ${toSession} s to waiting, ${toLogin} s to its own login`,
    );
  }
};

export const tellHowToLook = (say: Say, machines: readonly ProgressOfMachine[]): void => {
  say('the machines go on until Ctrl-C; their consoles (root, password ka; Ctrl-] leaves):');
  for (const { machine } of machines) {
    say(`  socat -,rawer,escape=0x1d UNIX-CONNECT:${machine.consoleSocket}`);
  }
};
