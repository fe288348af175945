/** A chain of mbuffer: each node keeps (/dev/null) and sends on, by two threads of one process. */
import type { ChainTool } from '../sample.ts';
import { receivers } from './receivers.ts';

const PORT = 9001;
/** As much memory as ka's ring. */
const MEMORY = ['-m', '64M'];

export const mbuffer: ChainTool = {
  name: 'mbuffer',
  run: (context) =>
    receivers(context, {
      port: PORT,
      node: (next) => [
        ['mbuffer', '-q', ...MEMORY, '-I', String(PORT), '-o', '/dev/null', ...sendTo(next)],
      ],
      golden: (first) => [
        ['mbuffer', '-q', ...MEMORY, '-i', context.payload.path, ...sendTo(first)],
      ],
    }),
};

const sendTo = (address: string | null): string[] =>
  address === null ? [] : ['-O', `${address}:${PORT}`];
