/** One run of the lab: golden, boot services, machines; from power-on to the checked clone. */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type KaProcess, lastLines, startKa } from '../../demo/ka-process.ts';
import { Lab } from '../../demo/lab.ts';
import type { Say } from '../../demo/progress.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import { NamedError } from '../../system/named-error.ts';
import { provideBootImage } from './boot-image.ts';
import { followBootServices, serveCommand, untilServing } from './boot-services.ts';
import { plugIn } from './cable.ts';
import { checkClones } from './check-clones.ts';
import { type GoldenSystem, mountGolden } from './golden-side.ts';
import { Machine } from './machine.ts';
import type { LabOptions } from './options.ts';
import { cutOnce } from './power-cut.ts';
import { ProgressOfMachine } from './progress-of-machine.ts';
import { followSession } from './session-journal.ts';

const MIB = 1024 * 1024;

const cache = (name: string): string =>
  fileURLToPath(new URL(`../.cache/${name}`, import.meta.url));

/** Of each emulated machine. */
const MEMORY_MEBIBYTES = 1024;
/** How much larger than the golden's the disks of machine 1, 2, 3 … are. */
const EXTRA_MEBIBYTES = [512, 1229, 300];
const SESSION = 'lab';
/** When the machines are not home by then, something is wrong. */
const DEADLINE_MS = 25 * 60_000;
const SERVING_MS = 60_000;
const LOOK_MS = 250;
/** The journal is read within this time of its end. */
const HEARD_MS = 5000;
const LINES_SHOWN = 30;

const makeMachines = (lab: Lab, options: LabOptions, golden: GoldenSystem): Promise<Machine[]> =>
  Promise.all(
    Array.from({ length: options.nodes }, async (_, index) => {
      const extra = EXTRA_MEBIBYTES[index % EXTRA_MEBIBYTES.length] ?? 0;
      return Machine.create({
        name: `machine${index + 1}`,
        mac: `52:54:00:75:00:0${index + 1}`,
        firmware: options.firmware,
        memoryMebibytes: MEMORY_MEBIBYTES,
        diskBytes: golden.diskBytes + extra * MIB,
        directory: lab.directory,
        cable: await plugIn(lab, index + 1),
      });
    }),
  );

interface Watched {
  golden: KaProcess;
  progress: readonly ProgressOfMachine[];
  signal: AbortSignal;
}

/** Resolves when all machines are home and the session is over. Throws when that cannot come any more. */
const untilHome = async ({ golden, progress, signal }: Watched): Promise<void> => {
  let exitCode: number | undefined;
  let endedMs = Number.POSITIVE_INFINITY;
  void golden.ended.then((code) => {
    exitCode = code;
    endedMs = Date.now();
  });
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    signal.throwIfAborted();
    if (exitCode === 0 && progress.every(({ isHome }) => isHome)) return;
    if (exitCode !== undefined && exitCode !== 0) {
      throw new NamedError('SessionFailed', `ka golden exited ${exitCode}`);
    }
    const silent = progress.find(({ timeline }) => !timeline.has('phoned home'));
    if (silent && Date.now() > endedMs + HEARD_MS) {
      const message = `the session is over, but ${silent.machine.name} did not phone home`;
      throw new NamedError('NotHome', message);
    }
    const off = progress.find(({ machine }) => machine.wentOff);
    if (off) throw new NamedError('MachineOff', `${off.machine.name} went off`);
    if (Date.now() > deadline) {
      const away = progress.filter(({ isHome }) => !isHome).map(({ machine }) => machine.name);
      const message = `${away.join(', ')} did not come home within ${DEADLINE_MS / 60_000} min`;
      throw new NamedError('TooLate', message);
    }
    // A signal's own reason is thrown above.
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
};

/** The ends of what everybody wrote, where something went wrong. */
const tellTrouble = async (
  say: Say,
  progress: readonly ProgressOfMachine[],
  processes: readonly KaProcess[],
): Promise<void> => {
  const show = (title: string, text: string) => {
    say(`${title}, the last lines:`);
    for (const line of text.split('\n')) say(`  | ${line}`);
  };
  for (const { machine, isHome } of progress) {
    if (!isHome) show(`${machine.name}'s console`, machine.lastLines(LINES_SHOWN));
  }
  for (const process of processes) {
    show(process.logFile ?? 'process', await lastLines(process, LINES_SHOWN));
  }
};

const summarise = (say: Say, progress: readonly ProgressOfMachine[]): void => {
  const seconds = (value: number | undefined) => (value === undefined ? '?' : value.toFixed(0));
  for (const { machine, hostName, timeline } of progress) {
    const toSession = seconds(timeline.between('DHCP offer', 'waiting in the session'));
    const toLogin = seconds(timeline.between('power on', 'login prompt'));
    say(
      `${machine.name} is ${hostName}: ${toSession} s from the DHCP offer to waiting, ${toLogin} s from power-on to its own login`,
    );
  }
};

const tellHowToLook = (say: Say, progress: readonly ProgressOfMachine[]): void => {
  say('the machines go on until Ctrl-C; their consoles (root, password ka; Ctrl-] leaves):');
  for (const { machine } of progress) {
    say(`  socat -,rawer,escape=0x1d UNIX-CONNECT:${machine.consoleSocket}`);
  }
};

/** Returns when the process was asked to stop. */
const untilStopped = async (signal: AbortSignal): Promise<void> => {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
};

/** Runs it; true when all went as it should. */
export const runLab = async (
  options: LabOptions,
  say: Say,
  signal: AbortSignal,
): Promise<boolean> => {
  const images = await provideBootImage(join(cache('lab'), 'state'), say, signal);
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.create({ nodes: 0, directory: cache('lab') }));
  const system = await mountGolden(lab, options.firmware, {
    cacheDirectory: cache('demo'),
    say,
    signal,
  });
  const stateDirectory = join(lab.directory, 'golden-state');
  await mkdir(stateDirectory);
  await symlink(images, join(stateDirectory, 'images'));

  const over = new AbortController();
  const ends: Promise<unknown>[] = [];
  stack.defer(async () => {
    over.abort();
    await Promise.all(ends);
  });
  const machines = await makeMachines(lab, options, system);
  for (const machine of machines) stack.use(machine);
  const progress = machines.map((machine) => new ProgressOfMachine(machine, say));

  const start = (args: readonly string[], logFile: string) => {
    const process = startKa(args, {
      on: lab.golden,
      logFile: join(lab.directory, logFile),
      stateDirectory,
      signal: over.signal,
    });
    ends.push(process.ended);
    return process;
  };
  const byMac = (mac: string | undefined) => progress.find(({ machine }) => machine.mac === mac);
  const pxe = start(serveCommand, 'pxe.log');
  ends.push(
    followBootServices(
      pxe,
      (mac, milestone, detail) => byMac(mac)?.timeline.reach(milestone, detail),
      over.signal,
    ),
  );
  await untilServing(pxe, AbortSignal.any([signal, AbortSignal.timeout(SERVING_MS)]));
  const golden = start(
    [
      'golden',
      '--pxe',
      ...['--nodes', String(options.nodes)],
      ...['--session', SESSION],
      ...['--address', lab.golden.address],
      ...['--yes', '--ui', 'plain'],
      ...system.flags,
    ],
    'golden.log',
  );
  const byNumber = (node: number) => progress.find(({ number }) => number === node);
  const cut = options.powerCut
    ? cutOnce(progress, (work) => ends.push(work), over.signal)
    : undefined;
  const opened = Promise.withResolvers<void>();
  const onEvent = (event: SessionEvent) => {
    if (event.kind === 'session' && event.state === 'open') opened.resolve();
    if (event.kind === 'node') byMac(event.mac)?.onNode(event);
    if (event.kind === 'step') byNumber(event.node)?.onStep(event);
    if (event.kind === 'progress') cut?.(event);
  };
  ends.push(followSession(stateDirectory, onEvent, over.signal));

  try {
    const refused = golden.ended.then((exitCode) => {
      throw new NamedError('SessionFailed', `ka golden exited ${exitCode}`);
    });
    await Promise.race([opened.promise, refused]);
    // It is watched from here on in another way.
    refused.catch(() => undefined);
    for (const machine of progress) machine.powerOn();
    await untilHome({ golden, progress, signal });
    summarise(say, progress);
  } catch (error) {
    if (signal.aborted || !(error instanceof NamedError)) throw error;
    say(`FAILED: ${error.message}`);
    await tellTrouble(say, progress, [golden, pxe]);
    if (options.keep) {
      tellHowToLook(say, progress);
      await untilStopped(signal);
    }
    return false;
  }
  if (options.keep) {
    tellHowToLook(say, progress);
    await untilStopped(signal);
    return true;
  }
  return checkClones(lab, system.root, progress, say);
};
