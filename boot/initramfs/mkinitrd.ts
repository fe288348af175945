/** mkinitrd: the original's, with Mandriva's options and names. */
import { comparableModule } from '../kernels.ts';
import { program } from '../part.ts';
import type { InitramfsTool, Kernel } from './tool.ts';

/** It looks for a file of this very name, and fails for a module that is no file. */
const withModules = ({ modules }: Kernel, wanted: readonly string[]): string[] =>
  wanted.flatMap((name) => {
    const file = modules.loadable.get(comparableModule(name));
    return file === undefined ? [] : [`--with=${file}`];
  });

export const mkinitrd: InitramfsTool = {
  name: 'mkinitrd',
  parts: [program('mkinitrd')],
  options: [
    { names: ['--preload'], value: 'kernel module' },
    { names: ['--omit-scsi-modules'] },
    { names: ['--omit-raid-modules'] },
    { names: ['--omit-lvm-modules'] },
    { names: ['--nocompress'] },
    { names: ['-v'] },
  ],
  commands: (kernels, wishes) =>
    kernels.map((kernel) => ({
      command: 'mkinitrd',
      args: [
        '-f',
        ...withModules(kernel, wishes.modules),
        ...wishes.options,
        `/boot/initrd-${kernel.version}.img`,
        kernel.version,
      ],
    })),
  bootFiles: { files: [], directories: [] },
};
