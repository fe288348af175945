/** One run of the lab: golden, boot services, machines; from power-on to the checked clone. */
import { appendFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type KaProcess, kaCommand, startKa } from '../../demo/ka-process.ts';
import { Lab } from '../../demo/lab.ts';
import type { Say } from '../../demo/progress.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import { NamedError } from '../../system/named-error.ts';
import { runtimeEnvironment } from '../../system/runtime.ts';
import { provideBootImage } from './boot-image.ts';
import {
  followBootServices,
  type OnServed,
  sendToPxelinux,
  serveCommand,
  untilEnded,
  untilServing,
} from './boot-services.ts';
import { plugIn } from './cable.ts';
import { checkClones } from './check-clones.ts';
import { type GoldenSystem, mountGolden } from './golden-side.ts';
import { Machine } from './machine.ts';
import type { LabOptions } from './options.ts';
import { cutOnce } from './power-cut.ts';
import { ProgressOfMachine } from './progress-of-machine.ts';
import { followSession } from './session-journal.ts';
import { tellHowToLook, tellTimes, tellTrouble } from './tell.ts';
import { letIn, stickOf } from './two-people.ts';
import { untilHome } from './until-home.ts';
import { Watch } from './watch.ts';

const MIB = 1024 * 1024;

const cache = (name: string): string =>
  fileURLToPath(new URL(`../.cache/${name}`, import.meta.url));

/** Of each emulated machine. */
const MEMORY_MEBIBYTES = 1024;
/** How much larger than the golden's the disks of machine 1, 2, 3 … are. */
const EXTRA_MEBIBYTES = [512, 1229, 300];
const SERVING_MS = 60_000;

const makeMachines = (
  lab: Lab,
  options: LabOptions,
  golden: GoldenSystem,
  images: string,
): Promise<Machine[]> =>
  Promise.all(
    Array.from({ length: options.nodes }, async (_, index) => {
      const isOdd = index % 2 === 0;
      const extra = EXTRA_MEBIBYTES[index % EXTRA_MEBIBYTES.length] ?? 0;
      return Machine.create({
        name: `machine${index + 1}`,
        mac: `52:54:00:75:00:0${index + 1}`,
        firmware: options.firmware,
        // By UEFI the odd ones have no iPXE of their own; by BIOS the even ones are sent to pxelinux.
        ipxeRom: options.firmware === 'bios' || !isOdd,
        stick: options.code ? stickOf(images) : undefined,
        memoryMebibytes: MEMORY_MEBIBYTES,
        diskBytes: golden.diskBytes + extra * MIB,
        directory: lab.directory,
        cable: await plugIn(lab, index + 1),
      });
    }),
  );

/** State of the golden for this run only, but for the boot images. */
const makeState = async (lab: Lab, images: string): Promise<string> => {
  const directory = join(lab.directory, 'golden-state');
  await mkdir(directory);
  await symlink(images, join(directory, 'images'));
  return directory;
};

const goldenCommand = (
  lab: Lab,
  { nodes, watch, code }: LabOptions,
  system: GoldenSystem,
): string[] => [
  'golden',
  // From a stick they start once; what they boot from the network is their disk.
  ...(code ? [] : ['--pxe']),
  ...['--nodes', String(nodes)],
  ...['--session', 'lab'],
  ...['--address', lab.golden.address],
  // The machines share this one's processors: a slow one is slow because of the others.
  ...['--slow', 'wait'],
  ...['--yes', '--ui', watch ? 'board' : 'plain'],
  ...system.flags,
];

/** Runs the golden's commands and waits for their ends. */
class GoldenProcesses implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #stateDirectory: string;
  readonly #over = new AbortController();
  readonly #trouble = new AbortController();
  readonly #work: Promise<unknown>[] = [];

  constructor(lab: Lab, stateDirectory: string) {
    this.#lab = lab;
    this.#stateDirectory = stateDirectory;
  }

  /** Fires when they are to end. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Fires, with the error, when something owned failed. */
  get trouble(): AbortSignal {
    return this.#trouble.signal;
  }

  /** Waits for this, too. */
  own = (work: Promise<unknown>): void => {
    this.#work.push(work.catch((error: unknown) => this.#trouble.abort(error)));
  };

  start = (args: readonly string[], logName: string): KaProcess => {
    const process = startKa(args, {
      on: this.#lab.golden,
      logFile: join(this.#lab.directory, logName),
      stateDirectory: this.#stateDirectory,
      signal: this.over,
    });
    this.own(process.ended);
    return process;
  };

  /** The same on a pane of tmux. */
  async show(args: readonly string[], watch: Watch): Promise<KaProcess> {
    const command = this.#lab.golden.argv(kaCommand(args));
    const environment = { ...runtimeEnvironment, KA_STATE_DIR: this.#stateDirectory };
    const process = await watch.start(command, environment, this.over);
    this.own(process.ended);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#work);
  }
}

/** Returns when the process was asked to stop. */
const untilStopped = async (signal: AbortSignal): Promise<void> => {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
};

/** With a tmux on the terminal lines are shown there, and once more when it is gone. */
const sayInto = async (file: string, stack: AsyncDisposableStack, say: Say): Promise<Say> => {
  const lines: string[] = [];
  await writeFile(file, '');
  stack.defer(async () => {
    for (const line of lines) say(line);
  });
  return (line) => {
    lines.push(line);
    appendFileSync(file, `${line}\n`);
  };
};

/** Runs it; true when all went as it should. */
export const runLab = async (
  options: LabOptions,
  tell: Say,
  signal: AbortSignal,
): Promise<boolean> => {
  const images = await provideBootImage(join(cache('lab'), 'state'), tell, signal);
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.create({ nodes: 0, directory: cache('lab') }));
  const system = await mountGolden(lab, options.firmware, {
    cacheDirectory: cache('demo'),
    say: tell,
    signal,
  });
  const stateDirectory = await makeState(lab, images);
  const lines = join(lab.directory, 'lab.log');
  const say = options.watch ? await sayInto(lines, stack, tell) : tell;
  const watch = options.watch ? stack.use(new Watch(lab.directory)) : undefined;
  const processes = stack.use(new GoldenProcesses(lab, stateDirectory));
  const { over, own } = processes;
  const machines = await makeMachines(lab, options, system, images);
  for (const machine of machines) stack.use(machine);
  if (options.firmware === 'bios') {
    const even = machines.filter((_, index) => index % 2 === 1);
    await sendToPxelinux(
      stateDirectory,
      even.map(({ mac }) => mac),
    );
  }
  const progress = machines.map((machine) => new ProgressOfMachine(machine, say));
  const byMac = (mac: string | undefined) => progress.find(({ machine }) => machine.mac === mac);
  const byNumber = (node: number) => progress.find(({ number }) => number === node);

  const pxe = processes.start(serveCommand, 'pxe.log');
  const onServed: OnServed = (mac, milestone, detail) =>
    byMac(mac)?.timeline.reach(milestone, detail);
  own(followBootServices(pxe, onServed, over));
  await untilServing(pxe, AbortSignal.any([signal, AbortSignal.timeout(SERVING_MS)]));
  own(untilEnded(pxe, over));

  const command = goldenCommand(lab, options, system);
  const golden = watch
    ? await processes.show(command, watch)
    : processes.start(command, 'golden.log');
  if (watch) {
    await watch.show([...machines.map(({ consoleLog }) => consoleLog), lines]);
    tell(`the board and the consoles: ${watch.attach()}`);
  }
  const opened = Promise.withResolvers<void>();
  const cut = options.powerCut ? cutOnce(progress, own, over) : undefined;
  const onEvent = (event: SessionEvent) => {
    if (event.kind === 'session' && event.state === 'open') opened.resolve();
    if (event.kind === 'node') byMac(event.macs[0])?.onNode(event);
    if (event.kind === 'step') byNumber(event.node)?.onStep(event);
    if (event.kind === 'progress') cut?.(event);
  };
  own(followSession(stateDirectory, onEvent, over));

  try {
    await Promise.race([opened.promise, golden.ended]);
    for (const machine of progress) {
      machine.powerOn();
      if (options.code) own(letIn(machine, processes.start, over));
    }
    await untilHome(golden, progress, AbortSignal.any([signal, processes.trouble]));
    tellTimes(say, progress);
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
  // Awaited here: the lab goes when this function ends.
  return await checkClones(lab, system.root, progress, say);
};
