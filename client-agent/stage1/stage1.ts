/** The life of a network-booted machine: network, session, clone, restart. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { parseBootArguments } from '../../protocol/boot-arguments.ts';
import { PORTS } from '../../protocol/constants.ts';
import { toFailure } from '../../protocol/failure.ts';
import { rebootMachine } from '../../stage2/reboot.ts';
import { run } from '../../system/run.ts';
import { type AgentOptions, type BareMachine, runAgent } from '../agent.ts';
import { askOn } from '../ask.ts';
import { type Consoles, openConsoles } from './consoles.ts';
import { loadDrivers } from './drivers.ts';
import { bringUpNetwork } from './network.ts';
import { enterStage2, hasStage2, makeRoom, stage2Sink } from './stage2-image.ts';

/** What `ka images build` wrote into the image of itself. */
const Imprint = z.object({ id: z.string(), version: z.string() });

const IMPRINT_FILE = '/ka/image.json';

/** Long enough to be read by who stands before the machine; then it boots anew and tries again. */
const READ_MS = 5000;
/** A clock this far off is set; nearer than this the network's delay is all there is. */
const CLOCK_MS = 2000;

const bareMachine = (image: string, signal: AbortSignal): BareMachine => ({
  image,
  begin: async ({ say, detail }) => {
    say('Welcome to Ka: this machine was started to be cloned');
    await loadDrivers({ log: detail, signal });
    await bringUpNetwork({ say, detail, signal });
  },
  setClock: async (timeMs) => {
    if (Math.abs(timeMs - Date.now()) < CLOCK_MS) return;
    await run('date', ['-u', '-s', `@${Math.round(timeMs / 1000)}`], { signal });
  },
  equipment: {
    isHere: hasStage2,
    prepare: makeRoom,
    openSink: stage2Sink,
    enter: enterStage2,
  },
});

const stage1Options = async (
  { write: screen, keyboards }: Consoles,
  signal: AbortSignal,
): Promise<AgentOptions> => {
  const { id, version } = Imprint.parse(JSON.parse(await readFile(IMPRINT_FILE, 'utf8')));
  const { golden, session, pin, token, ticket, open, outdated, disks } = parseBootArguments(
    await readFile('/proc/cmdline', 'utf8'),
  );
  return {
    version,
    session: session ?? null,
    golden,
    pin,
    admission: { token: token ?? null, ticket: ticket ?? null, open, outdated },
    ask: askOn(keyboards, screen),
    disks: disks ?? new Map(),
    name: undefined,
    address: undefined,
    into: undefined,
    reboot: true,
    screen,
    bare: bareMachine(id, signal),
    ports: { data: PORTS.data, offer: PORTS.offer, status: PORTS.status },
    signal,
  };
};

/**
 * Runs until the machine restarts: from its own disk when it was cloned, from
 * the network when no session or no network was found in five tries.
 */
export const runStage1 = async (signal: AbortSignal): Promise<void> => {
  const consoles = await openConsoles(signal);
  const { write: screen } = consoles;
  try {
    await runAgent(await stage1Options(consoles, signal));
  } catch (error) {
    signal.throwIfAborted();
    screen(`!!! ${toFailure(error).message} !!! (Rebooting in ${READ_MS / 1000} s)`);
    await sleep(READ_MS, undefined, { signal });
    await rebootMachine({ signal, log: screen });
  }
};
