/** The boot loaders of this machine's distribution, put where they are served. */
import { chmodSync, constants, copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { NamedError } from '../../system/named-error.ts';
import { bootDirectory } from './paths.ts';
import { openPxeDirectory } from './pxe-directory.ts';
import { PUBLIC_FILE } from './write-file.ts';

interface Loader {
  /** As it is served. */
  name: string;
  /** Debian's place first, then those of Fedora, openSUSE and Arch. */
  places: readonly string[];
  /** Of Debian. */
  package: string;
}

/** BIOS: pxelinux that speaks HTTP. UEFI: iPXE on the firmware's own network driver. */
export const BIOS_LOADER = 'lpxelinux.0';
export const UEFI_LOADER = 'snponly.efi';

const loaders: readonly Loader[] = [
  {
    name: BIOS_LOADER,
    places: [
      '/usr/lib/PXELINUX/lpxelinux.0',
      '/usr/share/syslinux/lpxelinux.0',
      '/usr/lib/syslinux/bios/lpxelinux.0',
    ],
    package: 'pxelinux',
  },
  {
    name: 'ldlinux.c32',
    places: [
      '/usr/lib/syslinux/modules/bios/ldlinux.c32',
      '/usr/share/syslinux/ldlinux.c32',
      '/usr/lib/syslinux/bios/ldlinux.c32',
    ],
    package: 'syslinux-common',
  },
  {
    name: UEFI_LOADER,
    places: [
      '/usr/lib/ipxe/snponly.efi',
      '/usr/share/ipxe/ipxe-snponly-x86_64.efi',
      '/usr/share/ipxe/snponly.efi',
    ],
    package: 'ipxe',
  },
];

const find = ({ name, places, package: brings }: Loader): string => {
  const found = places.find(existsSync);
  if (found !== undefined) return found;
  throw new NamedError('ToolMissing', `boot loader ${name} is not installed; install ${brings}`);
};

/** Copies them to the boot directory. Throws `ToolMissing` with the package that brings one. */
export const placeBootLoaders = (): void => {
  const found = loaders.map((loader) => ({ name: loader.name, source: find(loader) }));
  openPxeDirectory();
  for (const { name, source } of found) {
    const place = join(bootDirectory(), name);
    copyFileSync(source, place, constants.COPYFILE_FICLONE);
    chmodSync(place, PUBLIC_FILE);
  }
};
