/** The chain everybody makes by hand: `nc -l | tee FILE | nc NEXT`. */
import type { ChainTool } from '../sample.ts';
import { receivers } from './receivers.ts';

const PORT = 9002;

export const ncTee: ChainTool = {
  name: 'nc|tee',
  run: (context) =>
    receivers(context, {
      port: PORT,
      node: (next) => [
        ['nc', '-l', String(PORT)],
        ['tee', '/dev/null'],
        ...(next === null ? [] : [['nc', '-N', next, String(PORT)]]),
      ],
      golden: (first) => [
        ['cat', context.payload.path],
        ['nc', '-N', first, String(PORT)],
      ],
    }),
};
