/**
 * Stage2 on a machine booted from the network: kept in memory as it came, its
 * /usr laid over stage1's and its /etc copied, so that everything runs where
 * it is and the agent goes on as it was.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sink } from '../../relay/hop.ts';
import { NamedError } from '../../system/named-error.ts';
import { type CommandLog, run } from '../../system/run.ts';
import { loadDrivers, withoutDriver } from './drivers.ts';

const PLACE = '/run/ka/stage2';
const FILE = join(PLACE, 'stage2.squashfs');
const ROOT = '/run/ka/stage2-root';
const MIB = 1024 * 1024;

/** What the agent, file system makers and an rsync need besides: measured, with some room. */
const WORK_BYTES = 180 * MIB;

/** Controllers look for their disks in their own time. */
const DISKS_MS = 15_000;
const LOOK_MS = 250;

export interface Stage2Options {
  log: CommandLog;
  signal: AbortSignal;
}

const availableBytes = async (): Promise<number> => {
  const text = await readFile('/proc/meminfo', 'utf8');
  return Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
};

/**
 * Makes room in memory for `bytes` of stage2. Throws `NotEnoughMemory` when
 * that, a ring of `ringBytes` and the work need more than there is.
 */
export const makeRoom = async (
  bytes: number,
  ringBytes: number,
  { log, signal }: Stage2Options,
): Promise<void> => {
  await leave({ log, signal });
  const needed = bytes + ringBytes + WORK_BYTES;
  const available = await availableBytes();
  const mib = (value: number) => Math.ceil(value / MIB);
  if (available < needed) {
    throw new NamedError(
      'NotEnoughMemory',
      `this node has ${mib(available)} MiB of memory left, and ${mib(needed)} MiB are needed (stage2 ${mib(bytes)}, ring ${mib(ringBytes)}, work ${mib(WORK_BYTES)}); give it ${mib(needed - available)} MiB more, or use a smaller --ring`,
    );
  }
  await mkdir(PLACE, { recursive: true });
  const size = `size=${mib(bytes) + 1}m,mode=700`;
  await run('mount', ['-t', 'tmpfs', '-o', size, 'ka-stage2', PLACE], { log, signal });
};

/** An earlier try that did not come to its end. */
const leave = async ({ log, signal }: Stage2Options): Promise<void> => {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  if (mounts.includes(` ${PLACE} `)) await run('umount', [PLACE], { log, signal });
};

/** Takes stage2 as it comes through the chain. */
export const stage2Sink = (): Sink => {
  const opened = open(FILE, 'w');
  return {
    write: async (chunks) => {
      const file = await opened;
      for (const chunk of chunks) await file.appendFile(chunk);
    },
    end: async () => (await opened).close(),
    abort: async () => (await opened).close(),
  };
};

/** Whoever passed it on may have changed it, and from here on this machine runs what is in it. */
const requireSum = async (sha256: string): Promise<void> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(FILE), hash);
  const found = hash.digest('hex');
  if (found === sha256) return;
  throw new NamedError(
    'ForgedStream',
    `stage2 is not what the golden's image has (SHA-256 ${found.slice(0, 16)}… instead of ${sha256.slice(0, 16)}…); look at the nodes before this one in the chain, then boot it again`,
  );
};

/**
 * Puts stage2 in place, if it has this sum, and loads its drivers. Resolves when
 * the machine's disks are there. Throws `ForgedStream`.
 */
export const enterStage2 = async (sha256: string, options: Stage2Options): Promise<void> => {
  const { log, signal } = options;
  await requireSum(sha256);
  await mkdir(ROOT, { recursive: true });
  // There is no loop device that would load its driver by being opened.
  await run('modprobe', ['-a', 'loop', 'squashfs'], { log, signal });
  await run('mount', ['-t', 'squashfs', '-o', 'loop,ro', FILE, ROOT], { log, signal });
  await run('cp', ['-a', `${ROOT}/etc/.`, '/etc/'], { log, signal });
  await run('mount', ['--bind', `${ROOT}/usr`, '/usr'], { log, signal });
  await loadDrivers(options);
  await disksAppear(signal);
};

/** Whether stage2 is in place already: for another session its tools are the same. */
export const hasStage2 = (): Promise<boolean> =>
  access(join(ROOT, 'usr')).then(
    () => true,
    () => false,
  );

const isDisk = (name: string): boolean => !/^(loop|ram|sr|fd|zram)\d+$/.test(name);

const disksAppear = async (signal: AbortSignal): Promise<void> => {
  const untilMs = Date.now() + DISKS_MS;
  let seen = -1;
  while (Date.now() < untilMs) {
    const disks = (await readdir('/sys/block')).filter(isDisk).length;
    // The same twice in a row: nothing more is coming.
    if (disks > 0 && disks === seen) return;
    seen = disks;
    await sleep(LOOK_MS, undefined, { signal });
  }
  const unknown = await withoutDriver('01');
  throw new NamedError(
    'NoDisk',
    unknown.length > 0
      ? `no disk: there is no driver for the controller ${unknown.join(', ')}; build the image with it (ka images build --drivers)`
      : 'no disk: this machine has none, or its firmware hides it',
  );
};
