/** Whether a node's machine will start what the description puts on its disk; seen before anything is written. */
import { LOADERS } from '../boot/loaders/loaders.ts';
import type { Bootloader, Firmware } from '../desc/clone-plan.ts';
import type { DiskSpec } from '../desc/model.ts';
import { NamedError } from '../system/named-error.ts';

/** What a session's clones will boot with. */
export interface BootWay {
  kind: Bootloader;
  /** Firmware the golden's loader can be installed for. */
  installableFor: ReadonlySet<Firmware>;
  disks: readonly DiskSpec[];
  /** The disk the loader goes on. */
  bootDisk: DiskSpec;
}

const NAMES: Record<Firmware, string> = { bios: 'BIOS', uefi: 'UEFI' };

/** Why a machine with this firmware would not start from its disk; undefined when it would. */
const obstacle = (firmware: Firmware, way: BootWay): string | undefined => {
  const { kind, installableFor, disks, bootDisk } = way;
  if (kind === 'none') return undefined;
  const loader = LOADERS[kind];
  const packages = loader.packages[firmware];
  if (packages === undefined) return `${kind} is for ${NAMES[other(firmware)]} only`;
  const inTheWay = loader.obstacle(firmware, disks, bootDisk);
  if (inTheWay !== null) return `the description ${inTheWay}`;
  return installableFor.has(firmware)
    ? undefined
    : `the golden has no ${kind} for it (on Debian the packages ${packages})`;
};

const other = (firmware: Firmware): Firmware => (firmware === 'bios' ? 'uefi' : 'bios');

/** Firmware by which clones can be started, for the admin to read. */
export const bootableBy = (way: BootWay): Firmware[] =>
  (['bios', 'uefi'] as const).filter((firmware) => obstacle(firmware, way) === undefined);

/** "BIOS or UEFI"; or why it is neither. */
export const describeBootableBy = (way: BootWay): string => {
  const names = bootableBy(way).map((firmware) => NAMES[firmware]);
  if (names.length > 0) return names.join(' or ');
  return `neither BIOS (${obstacle('bios', way)}) nor UEFI (${obstacle('uefi', way)})`;
};

/**
 * Firmware this node's loader has to be for. `device` is its boot disk. A loop
 * device is not what the machine it is on will start from, so any does that the
 * description is made for. Throws `FirmwareMismatch`.
 */
export const firmwareFor = (machine: Firmware, device: string, way: BootWay): Firmware => {
  const [first] = bootableBy(way);
  if (device.startsWith('/dev/loop') && first !== undefined) return first;
  const why = obstacle(machine, way);
  if (why === undefined) return machine;
  const instead =
    obstacle(other(machine), way) === undefined
      ? `; change that, or switch this node's firmware to ${NAMES[other(machine)]}`
      : '; change that, then start again';
  throw new NamedError(
    'FirmwareMismatch',
    `this node boots by ${NAMES[machine]}, but ${why}${instead}`,
  );
};
