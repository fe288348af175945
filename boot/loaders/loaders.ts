/** The boot loaders that are known. */
import type { Bootloader, Firmware } from '../../desc/clone-plan.ts';
import { findPart, missingParts } from '../part.ts';
import { extlinux } from './extlinux.ts';
import { grub } from './grub.ts';
import { lilo } from './lilo.ts';
import type { BootDisk, Loader, LoaderName } from './loader.ts';

export const LOADERS: Readonly<Record<LoaderName, Loader>> = { grub, extlinux, lilo };

const FIRMWARE: readonly Firmware[] = ['bios', 'uefi'];

/** Firmware a loader is for at all. */
export const firmwareOf = ({ packages }: Loader): Firmware[] =>
  FIRMWARE.filter((firmware) => packages[firmware] !== undefined);

/** What the system in `root` starts by, seen by how it is configured. */
export const configuredLoader = async (root: string): Promise<Bootloader> => {
  for (const { name, configs } of Object.values(LOADERS)) {
    if ((await findPart(root, { what: name, places: configs })) !== null) return name;
  }
  return 'none';
};

/** What the system in `root` lacks to install `loader`, for each firmware it is for. */
export const missingOf = async (
  root: string,
  loader: Loader,
  table: BootDisk['table'],
): Promise<Map<Firmware, string[]>> => {
  const missing = new Map<Firmware, string[]>();
  for (const firmware of firmwareOf(loader)) {
    const parts = await missingParts(root, loader.parts(firmware, table));
    missing.set(
      firmware,
      parts.map(({ what }) => what),
    );
  }
  return missing;
};
