/** LILO. */
import { program } from '../part.ts';
import type { Loader } from './loader.ts';

export const LILO_CONFIG = '/etc/lilo.conf';

export const lilo: Loader = {
  name: 'lilo',
  configs: [LILO_CONFIG],
  packages: { bios: 'lilo' },
  parts: () => [program('lilo'), { what: LILO_CONFIG, places: [LILO_CONFIG] }],
  obstacle: () => null,
  bootFiles: { files: [LILO_CONFIG], directories: [] },
  codeMark: null,
};
