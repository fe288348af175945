/** What leads boot loaders to the menus; those are made when they are fetched (menus.ts). */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { leadToMenu } from './boot-files.ts';
import { bootDirectory } from './paths.ts';
import { openPxeDirectory, PXELINUX_DIRECTORY } from './pxe-directory.ts';
import { writePublic } from './write-file.ts';

/** Where an older ka kept menus, with kernel lines nobody takes any more. */
const MENUS = [PXELINUX_DIRECTORY, 'ipxe', 'boot.ipxe'];

/** Puts the one file into the boot directory that TFTP has to give beside boot loaders. */
export const placeTftpFiles = (base: string): void => {
  for (const name of MENUS) rmSync(join(bootDirectory(), name), { recursive: true, force: true });
  openPxeDirectory();
  writePublic(join(bootDirectory(), PXELINUX_DIRECTORY, 'default'), leadToMenu(base));
};
