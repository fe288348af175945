/** Every node copies from the golden with rsync, all at once. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { untilListening } from '../listening.ts';
import { startTimed } from '../timed-process.ts';
import type { CloneTool } from './clone-tool.ts';

const PORT = 9021;
const MODULE = 'tree';

const configOf = (tree: string): string =>
  [
    'use chroot = no',
    'uid = root',
    'gid = root',
    'read only = yes',
    // The lab has no name servers to wait for.
    'reverse lookup = no',
    `[${MODULE}]`,
    `path = ${tree}`,
    '',
  ].join('\n');

export const rsyncStar: CloneTool = {
  name: 'rsync star',
  run: async ({ lab, tree, targets, signal }) => {
    const config = join(lab.directory, 'rsyncd.conf');
    await writeFile(config, configOf(tree));
    const daemon = lab.golden.start(
      ['rsync', '--daemon', '--no-detach', `--config=${config}`, `--port=${PORT}`],
      { reject: false, cancelSignal: signal, stdio: 'ignore' },
    );
    try {
      await untilListening(lab.golden, PORT, signal);
      const from = `rsync://${lab.golden.address}:${PORT}/${MODULE}/`;
      const copy = ['rsync', '-aHAXS', '--numeric-ids', '--one-file-system', '--quiet', from];
      const start = performance.now();
      const nodes = targets.map(({ host, directory }) =>
        startTimed(lab, host, [...copy, `${directory}/`], { signal }),
      );
      await Promise.all(nodes.map(({ ended }) => ended));
      const seconds = (performance.now() - start) / 1000;
      return { filesSeconds: seconds, doneSeconds: seconds, stages: [] };
    } finally {
      daemon.kill('SIGTERM');
      await daemon;
    }
  },
};
