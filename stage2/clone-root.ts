/** Runs the clone's own tools in it, by chroot with a /dev, /proc, /sys and /run of its own. */
import { existsSync } from 'node:fs';
import { mkdir, stat, symlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { PROGRAM_PLACES } from '../boot/part.ts';
import { toFailure } from '../protocol/failure.ts';
import { inside } from '../system/inside.ts';
import { NamedError } from '../system/named-error.ts';
import { type RunResult, run } from '../system/run.ts';
import { unmountSome } from './clean-up.ts';
import { mountsUnder } from './mount-table.ts';
import { type NodeReference, nodeReferences } from './node-references.ts';
import type { StepContext } from './step.ts';

export interface CloneRoot {
  /** As `run`, inside the clone. `okExitCodes` as there. */
  run(
    command: string,
    args: readonly string[],
    options?: { okExitCodes?: readonly number[]; timeoutMs?: number },
  ): Promise<RunResult>;
  /** Where the variables of the machine's firmware are mounted in the clone; null = they are not. */
  efivars: string | null;
}

/** Where the kernel shows the variables of the firmware it was started by. */
export const EFI_VARIABLES = '/sys/firmware/efi/efivars';

/** Name, major, minor; admin-guide/devices in the kernel's documentation. */
const CHARACTER_DEVICES: readonly (readonly [string, number, number])[] = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
  ['console', 5, 1],
];

/** Programs of this machine that are called to make the clone ready and to run something in it. */
export const CLONE_TOOLS: readonly string[] = ['mount', 'umount', 'mknod', 'blkid', 'chroot'];

/** A Debian tool started from a minimal boot image must still find its own programs. */
const CLONE_ENV = {
  PATH: PROGRAM_PLACES.join(':'),
  HOME: '/root',
  DEBIAN_FRONTEND: 'noninteractive',
};

/**
 * Calls `work` with the clone made ready to run programs, and takes that away
 * again afterwards.
 *
 * /dev holds only the planned disks, with their by-uuid links made here:
 * without those links grub-mkconfig silently writes root=/dev/NAME, and with
 * the machine's own /dev tools would find (and write about) other disks.
 * With `firmware`, the firmware's variables can be written, where it has any.
 */
export const inClone = async <T>(
  context: StepContext,
  work: (clone: CloneRoot) => Promise<T>,
  { firmware = false }: { firmware?: boolean } = {},
): Promise<T> => {
  const { target, log, signal } = context;
  if (!(await mountsUnder(target)).some(({ mount }) => mount === resolve(target))) {
    throw new NamedError(
      'RootNotMounted',
      `no root file system is mounted at ${target}; mount it first`,
    );
  }
  const mounted: string[] = [];
  let efivars: string | null = null;
  const mountAt = async (type: string, path: string, options: string): Promise<string> => {
    const directory = await inside(target, path);
    await mkdir(directory, { recursive: true });
    await run('mount', ['-t', type, '-o', options, type, directory], { log, signal });
    mounted.push(directory);
    return directory;
  };
  try {
    await mountAt('proc', '/proc', 'nosuid,nodev,noexec');
    await mountAt('sysfs', '/sys', 'ro,nosuid,nodev,noexec');
    await mountAt('tmpfs', '/run', 'mode=755,nosuid,nodev');
    const dev = await mountAt('tmpfs', '/dev', 'mode=755,nosuid');
    await mountAt('devpts', '/dev/pts', 'newinstance,ptmxmode=666,mode=620,gid=5');
    await mountAt('tmpfs', '/dev/shm', 'mode=1777,nosuid,nodev');
    await fillDev(dev, context);
    if (firmware) efivars = await mountFirmware(context);
    const result = await work({
      efivars,
      run: (command, args, options = {}) =>
        run(command, args, { ...options, root: target, log, signal, env: CLONE_ENV }),
    });
    await unmountFirmware(efivars, context);
    await unmountSome(context, mounted);
    return result;
  } catch (error) {
    // What went wrong first is what gets reported; the clean-up at the end tries again.
    await unmountFirmware(efivars, context).catch((also) => log(toFailure(also).message));
    await unmountSome(context, mounted).catch((also) => log(toFailure(also).message));
    throw error;
  }
};

/** Null where the machine was not started by UEFI, or its kernel has no file system for that. */
const mountFirmware = async ({ target, log, signal }: StepContext): Promise<string | null> => {
  if (!existsSync(EFI_VARIABLES)) return null;
  const directory = await inside(target, EFI_VARIABLES);
  try {
    const options = ['-t', 'efivarfs', '-o', 'nosuid,nodev,noexec', 'efivarfs', directory];
    await run('mount', options, { log, signal });
    return directory;
  } catch (error) {
    signal.throwIfAborted();
    log(`no firmware variables: ${toFailure(error).message}`);
    return null;
  }
};

/** A process that hangs inside the firmware keeps them busy for ever; nothing of the clone is in there. */
const unmountFirmware = async (efivars: string | null, context: StepContext): Promise<void> => {
  if (efivars === null) return;
  try {
    await unmountSome(context, [efivars]);
  } catch (error) {
    context.log(`${toFailure(error).message}; detached`);
    await run('umount', ['--lazy', efivars], { log: context.log });
  }
};

const fillDev = async (dev: string, context: StepContext): Promise<void> => {
  const { plan, log, signal } = context;
  const makeNode = async (name: string, kind: 'b' | 'c', major: number, minor: number) => {
    const mode = kind === 'c' ? '666' : '660';
    await run('mknod', [`--mode=${mode}`, join(dev, name), kind, `${major}`, `${minor}`], {
      log,
      signal,
    });
  };
  for (const [name, major, minor] of CHARACTER_DEVICES) await makeNode(name, 'c', major, minor);
  await symlink('pts/ptmx', join(dev, 'ptmx'));
  await symlink('/proc/self/fd', join(dev, 'fd'));
  for (const [number, name] of ['stdin', 'stdout', 'stderr'].entries()) {
    await symlink(`/proc/self/fd/${number}`, join(dev, name));
  }
  const references = await nodeReferences(plan, context);
  const disks = plan.disks.map(({ device }) => device);
  for (const device of [...disks, ...references.map((reference) => reference.device)]) {
    const { major, minor } = deviceNumber((await stat(device)).rdev);
    await makeNode(basename(device), 'b', major, minor);
  }
  await makeLinks(dev, references);
};

/** Linux's dev_t as glibc packs it: 12 bits of major above 8 of minor, the rest of minor above those. */
const deviceNumber = (rdev: number): { major: number; minor: number } => ({
  major: (rdev >> 8) & 0xfff,
  minor: (rdev & 0xff) | ((rdev >> 12) & 0xfff00),
});

/** Two partitions may carry the same label; the first one gets the link, as only one can. */
const makeLinks = async (dev: string, references: readonly NodeReference[]): Promise<void> => {
  const links = new Map<string, string>();
  for (const { device, uuid, label, partUuid } of [...references].reverse()) {
    const to = `../../${basename(device)}`;
    if (partUuid) links.set(`by-partuuid/${partUuid}`, to);
    if (uuid) links.set(`by-uuid/${uuid}`, to);
    if (label) links.set(`by-label/${encodeLabel(label)}`, to);
  }
  for (const kind of ['by-uuid', 'by-label', 'by-partuuid']) {
    await mkdir(join(dev, 'disk', kind), { recursive: true });
  }
  for (const [name, to] of links) await symlink(to, join(dev, 'disk', name));
};

/** udev's way with bytes that do not belong into a file name: "\x20". */
const encodeLabel = (label: string): string =>
  label.replace(/[^\w#+\-.:=@]/g, (character) =>
    [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
