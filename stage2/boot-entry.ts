/** The entry in the firmware's NVRAM that starts the clone, by efibootmgr(8). */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { probeDisks } from '../desc/probe.ts';
import { toFailure } from '../protocol/failure.ts';
import { existsInside } from '../system/inside.ts';
import { NamedError } from '../system/named-error.ts';
import { type RunResult, run } from '../system/run.ts';
import { addEntryTo, type BootMenu, parseBootMenu, staleEntries } from './boot-menu.ts';
import { type CloneRoot, EFI_VARIABLES } from './clone-root.ts';
import type { PlannedEsp } from './esp.ts';
import type { StepContext } from './step.ts';

export interface BootEntry {
  esp: PlannedEsp;
  label: string;
  /** Path of the loader below the partition's root, with "/". */
  loader: string;
}

export type EntryOutcome = { written: true; what: string } | { written: false; why: string };

/** Firmware takes seconds to write flash; some never comes back. */
export const COMMAND_TIMEOUT_MS = 30_000;
/** After being killed: a process inside a call of the firmware cannot be. */
export const GIVE_UP_MS = 10_000;

/**
 * Removes what older clonings left in the NVRAM, then makes the entry and puts
 * it first, but behind network entries that came first before. Never throws
 * but for an abort: firmware is the one part no tool can vouch for, and the
 * node starts without, by the fallback loader.
 */
export const writeBootEntry = async (
  entry: BootEntry,
  clone: CloneRoot,
  context: StepContext,
): Promise<EntryOutcome> => {
  const { disk } = entry.esp;
  if (basename(disk.device).startsWith('loop')) {
    return { written: false, why: `${disk.device} is not a disk of this machine's firmware` };
  }
  if (!existsSync(EFI_VARIABLES)) {
    return { written: false, why: 'this machine was not started by UEFI' };
  }
  try {
    return { written: true, what: await replaceEntry(entry, clone, context) };
  } catch (error) {
    context.signal.throwIfAborted();
    const failure = toFailure(error);
    context.log(failure.message);
    return { written: false, why: failure.message };
  }
};

const replaceEntry = async (
  { esp, label, loader }: BootEntry,
  clone: CloneRoot,
  context: StepContext,
): Promise<string> => {
  const efibootmgr = await findTool(clone, context);
  const read = async (): Promise<BootMenu> =>
    parseBootMenu((await efibootmgr(['--verbose'])).stdout);
  const { disk, partition } = esp;
  const before = await read();
  const own = partition.partUuid;
  if (own === undefined) throw new NamedError('PlanBroken', `${esp.device} has no id; plan again`);
  const present = (await probeDisks({ signal: context.signal })).flatMap(({ partitions }) =>
    partitions.flatMap(({ partUuid }) => partUuid ?? []),
  );
  for (const { number } of staleEntries(before, { label, own, present })) {
    await efibootmgr(['--quiet', '--bootnum', number, '--delete-bootnum']);
  }
  const place = ['--disk', disk.device, '--part', `${partition.number}`];
  const path = `\\${loader.replaceAll('/', '\\')}`;
  await efibootmgr(['--quiet', '--create', ...place, '--label', label, '--loader', path]);
  const after = await read();
  const made = after.entries.find((found) => found.label === label && found.partUuid === own);
  if (!made) {
    throw new NamedError('EntryLost', 'the firmware took the entry, but does not have it');
  }
  const order = addEntryTo(before, made.number, after);
  if (order.join() !== after.order.join()) {
    await efibootmgr(['--quiet', '--bootorder', order.join(',')]);
  }
  return `Boot${made.number} "${label}", number ${order.indexOf(made.number) + 1} in the boot order`;
};

type Tool = (args: readonly string[]) => Promise<RunResult>;

/** The node's own efibootmgr, which holds no mount of the clone should the firmware hang; else the clone's. */
const findTool = async (clone: CloneRoot, { target, log, signal }: StepContext): Promise<Tool> => {
  if (clone.efivars === null) {
    throw new NamedError('NoEfivars', 'this kernel has no efivarfs');
  }
  // libefivar wants the slash at the end.
  const env = { EFIVARFS_PATH: `${clone.efivars}/` };
  const timeoutMs = COMMAND_TIMEOUT_MS;
  const ownTool: Tool = (args) => run('efibootmgr', args, { log, signal, env, timeoutMs });
  try {
    await ownTool(['--version']);
    return (args) => orGiveUp(ownTool(args));
  } catch (error) {
    if (!(error instanceof NamedError && error.code === 'ToolMissing')) throw error;
  }
  for (const place of ['/usr/bin', '/bin', '/usr/sbin', '/sbin']) {
    if (await existsInside(target, join(place, 'efibootmgr'))) {
      return (args) => orGiveUp(clone.run('efibootmgr', args, { timeoutMs }));
    }
  }
  throw new NamedError('ToolMissing', 'neither this node nor the clone has efibootmgr');
};

/** What `work` gives, or `TimedOut` when it does not even end after having been killed. */
const orGiveUp = async <T>(work: Promise<T>): Promise<T> => {
  const stop = new AbortController();
  const late = async (): Promise<never> => {
    await sleep(COMMAND_TIMEOUT_MS + GIVE_UP_MS, undefined, { signal: stop.signal });
    throw new NamedError('TimedOut', 'the firmware does not answer');
  };
  try {
    return await Promise.race([work, late()]);
  } finally {
    stop.abort();
  }
};
