/** What nodes say when all is well, of each kind one. */
import type { NodeMessage } from '../../../../protocol/control.ts';
import { someHello } from '../../../support/hello.ts';

const failure = { code: 'DiskFull', message: 'no space left', output: 'tar: cannot write' };

export const nodeMessages: readonly NodeMessage[] = [
  { type: 'step', step: 'partition', state: 'start' },
  { type: 'step', step: 'format', state: 'progress', detail: '50 %' },
  { type: 'step', step: 'phone home', state: 'skip', detail: 'no network' },
  { type: 'step', step: 'verify', state: 'fail', detail: 'not good', failure },
  {
    type: 'position',
    pass: 1,
    received: 1_000_000,
    drained: 500_000,
    linked: true,
    stream: '/',
    streamBytes: 1000,
    waiting: { upstream: 0.5, sink: 0, downstream: 1 },
  },
  { type: 'warning', message: 'something to know' },
  { type: 'trouble', pass: 1, epoch: 1, what: 'upstream-lost', message: 'it is gone' },
  { type: 'trouble', pass: 1, epoch: 1, what: 'sink-failed', message: 'no space left' },
  { type: 'inventory', inventory: someHello().inventory },
  { type: 'phase', phase: 'prepared' },
  { type: 'phase', phase: 'received' },
  { type: 'phase', phase: 'complete' },
  { type: 'phase', phase: 'failed', failure },
  { type: 'phase', phase: 'failed' },
  { type: 'log', lines: ['$ mkfs.ext4 /dev/sda1', 'done'] },
];
