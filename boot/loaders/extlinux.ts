/** EXTLINUX. */
import { type Part, program } from '../part.ts';
import type { BootDisk, Loader } from './loader.ts';

/** Where its configuration and the loader itself lie. */
export const EXTLINUX_DIRECTORY: Part = {
  what: '/boot/extlinux',
  places: ['/boot/extlinux', '/boot/syslinux', '/extlinux'],
};

/** The code that starts the active partition, where distributions keep it. */
export const extlinuxCode = (table: BootDisk['table']): Part => {
  const what = table === 'gpt' ? 'gptmbr.bin' : 'mbr.bin';
  const places = [
    '/usr/lib/EXTLINUX',
    '/usr/lib/syslinux/mbr',
    '/usr/lib/syslinux/bios',
    '/usr/lib/syslinux',
    '/usr/share/syslinux',
  ];
  return { what, places: places.map((place) => `${place}/${what}`) };
};

export const extlinux: Loader = {
  name: 'extlinux',
  configs: EXTLINUX_DIRECTORY.places.map((place) => `${place}/extlinux.conf`),
  packages: { bios: 'extlinux' },
  parts: (_firmware, table) => [program('extlinux'), EXTLINUX_DIRECTORY, extlinuxCode(table)],
  obstacle: () => null,
  bootFiles: {
    files: ['/etc/default/extlinux'],
    directories: EXTLINUX_DIRECTORY.places.map((place) => [place, /\.(conf|cfg)$/] as const),
  },
  codeMark: null,
};
