/** dracut: Fedora, SUSE, Mageia, and Debian where it is chosen. */
import { program } from '../part.ts';
import type { InitramfsTool } from './tool.ts';

export const dracut: InitramfsTool = {
  name: 'dracut',
  parts: [program('dracut')],
  options: [
    { names: ['--add-drivers'], value: 'kernel module' },
    { names: ['--force-drivers'], value: 'kernel module' },
    { names: ['--omit-drivers'], value: 'text' },
    { names: ['--add', '-a'], value: 'text' },
    { names: ['--omit', '-o'], value: 'text' },
    { names: ['--hostonly', '-H'] },
    { names: ['--no-hostonly', '-N'] },
    { names: ['--verbose', '-v'] },
  ],
  // As --add-drivers, but for the images of later kernels too: dracut.conf(5).
  modulesFile: {
    path: '/etc/dracut.conf.d/ka.conf',
    line: (module) => `add_drivers+=" ${module} "`,
  },
  commands: (_kernels, { options }) => [
    { command: 'dracut', args: ['--force', '--regenerate-all', ...options] },
  ],
  bootFiles: { files: ['/etc/dracut.conf'], directories: [['/etc/dracut.conf.d', /\.conf$/]] },
};
