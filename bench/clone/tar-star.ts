/** The golden packs and sends once for each node, to all at once: `tar | nc … nc | tar`. */
import { performance } from 'node:perf_hooks';
import { untilListening } from '../listening.ts';
import { startPipeline } from '../pipeline.ts';
import { usageOf } from '../timed-process.ts';
import type { CloneTool } from './clone-tool.ts';

const PORT = 9020;
/** As ka packs and unpacks, so that the same is copied. */
const KEEP = ['--numeric-owner', '--xattrs', '--xattrs-include=*', '--acls', '--sparse'];

export const tarStar: CloneTool = {
  name: 'tar|nc star',
  run: async ({ lab, tree, targets, signal }) => {
    const receivers = [];
    for (const { host, directory } of targets) {
      const unpack = ['tar', '--extract', ...KEEP, '--preserve-permissions', '--same-owner'];
      const commands = [
        ['nc', '-l', String(PORT)],
        [...unpack, '--delay-directory-restore', `--directory=${directory}`, '--file=-'],
      ];
      receivers.push(await startPipeline({ lab, signal }, host, commands));
      await untilListening(host, PORT, signal);
    }
    const start = performance.now();
    const pack = ['tar', '--create', '--format=posix', ...KEEP, '--one-file-system'];
    const senders = await Promise.all(
      targets.map(({ host }) =>
        startPipeline({ lab, signal }, lab.golden, [
          [...pack, `--directory=${tree}`, '--file=-', '.'],
          ['nc', '-N', host.address, String(PORT)],
        ]),
      ),
    );
    await Promise.all([...senders, ...receivers].map(usageOf));
    const seconds = (performance.now() - start) / 1000;
    return { filesSeconds: seconds, doneSeconds: seconds, stages: [] };
  },
};
