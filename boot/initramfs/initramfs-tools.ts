/** initramfs-tools: Debian and what comes from it. */
import { program } from '../part.ts';
import type { InitramfsTool } from './tool.ts';

export const initramfsTools: InitramfsTool = {
  name: 'update-initramfs',
  // Other tools bring an update-initramfs of their own for scripts that call it.
  parts: [program('update-initramfs'), program('mkinitramfs')],
  options: [{ names: ['-v'] }],
  modulesFile: { path: '/etc/initramfs-tools/modules', line: (module) => module },
  commands: (_kernels, { options }) => [
    { command: 'update-initramfs', args: ['-u', '-k', 'all', ...options] },
  ],
  bootFiles: {
    files: ['/etc/initramfs-tools/initramfs.conf'],
    directories: [['/etc/initramfs-tools/conf.d', /./]],
  },
};
