/** mkinitcpio: Arch and what comes from it. */
import { program } from '../part.ts';
import type { InitramfsTool } from './tool.ts';

export const mkinitcpio: InitramfsTool = {
  name: 'mkinitcpio',
  parts: [program('mkinitcpio')],
  // With -P each image gets the options of its preset; of those given, only this one goes on to it.
  options: [{ names: ['--verbose', '-v'] }],
  // Read as bash. A file of its own in mkinitcpio.conf.d would not count where
  // the preset names its configuration, and not before version 36.
  modulesFile: { path: '/etc/mkinitcpio.conf', line: (module) => `MODULES+=(${module})` },
  commands: (_kernels, { options }) => [{ command: 'mkinitcpio', args: ['-P', ...options] }],
  bootFiles: {
    files: ['/etc/mkinitcpio.conf'],
    directories: [
      ['/etc/mkinitcpio.d', /\.preset$/],
      ['/etc/mkinitcpio.conf.d', /\.conf$/],
    ],
  },
};
