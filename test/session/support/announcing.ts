/** A golden that only announces itself: `node announcing.ts PORT`. Prints each trouble in one line. */
import process from 'node:process';
import { announce } from '../../../golden/announcer.ts';
import { PROTOCOL_VERSION } from '../../../protocol/constants.ts';

await announce({
  port: Number(process.argv[2]),
  address: undefined,
  offer: () => ({
    ka: 'offer',
    protocol: PROTOCOL_VERSION,
    session: 'lab',
    host: null,
    port: 30_765,
    fingerprint: 'a'.repeat(26),
    admit: 'secret',
    present: 0,
    wanted: 3,
    state: 'waiting',
  }),
  signal: new AbortController().signal,
  onError: ({ message }) => process.stdout.write(`trouble: ${message}\n`),
});
process.stdout.write('announcing\n');
