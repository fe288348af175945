/** GRUB 2. */
import { findEsp, hasRoomForBiosGrub } from '../../desc/boot-partitions.ts';
import type { Firmware } from '../../desc/clone-plan.ts';
import { findPart, type Part, program } from '../part.ts';
import type { Loader } from './loader.ts';

/** Debian's names and places, and those of Fedora, Mageia and SUSE. */
const FAMILIES = [
  { install: 'grub-install', mkconfig: 'grub-mkconfig', directory: '/boot/grub' },
  { install: 'grub2-install', mkconfig: 'grub2-mkconfig', directory: '/boot/grub2' },
] as const;
export type GrubFamily = (typeof FAMILIES)[number];

/** The family whose programs the system in `root` has, or null. */
export const findGrubFamily = async (root: string): Promise<GrubFamily | null> => {
  for (const family of FAMILIES) {
    if ((await findPart(root, program(family.install))) !== null) return family;
  }
  return null;
};

/** GRUB's names for the machines it is built for. */
export const GRUB_PLATFORM: Record<Firmware, string> = { bios: 'i386-pc', uefi: 'x86_64-efi' };

/** Its modules for a firmware lie in Debian's and Fedora's directory, SUSE's, or older SUSE's. */
const modules = (firmware: Firmware): Part => {
  const places = ['/usr/lib/grub', '/usr/share/grub2', '/usr/share/grub'].map(
    (place) => `${place}/${GRUB_PLATFORM[firmware]}`,
  );
  return { what: places[0] ?? '', places };
};

export const grub: Loader = {
  name: 'grub',
  configs: ['/boot/grub/grub.cfg', '/boot/grub2/grub.cfg'],
  packages: {
    bios: 'grub2-common and grub-pc-bin',
    uefi: 'grub2-common and grub-efi-amd64-bin',
  },
  parts: (firmware) => [
    program('grub-install', 'grub2-install'),
    program('grub-mkconfig', 'grub2-mkconfig'),
    modules(firmware),
  ],
  obstacle: (firmware, disks, bootDisk) => {
    if (firmware === 'uefi') {
      return findEsp(disks)
        ? null
        : 'has no EFI system partition (type esp, filesystem vfat, mount /boot/efi)';
    }
    return hasRoomForBiosGrub(bootDisk)
      ? null
      : `has no bios-boot partition on ${bootDisk.name}, which grub needs on gpt`;
  },
  bootFiles: {
    files: [
      ...['grub.cfg', 'custom.cfg', 'grubenv'].flatMap((name) =>
        FAMILIES.map(({ directory }) => `${directory}/${name}`),
      ),
      // GRUB 1's.
      '/boot/grub/menu.lst',
      '/boot/grub/grub.conf',
      '/etc/default/grub',
    ],
    directories: [
      ['/etc/default/grub.d', /\.cfg$/],
      ['/etc/grub.d', /./],
    ],
  },
  codeMark: 'GRUB',
};
