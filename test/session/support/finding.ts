/** A node that only looks for its golden: `node finding.ts PORT`. Prints where it is, or why there is none. */
import process from 'node:process';
import { discoverGolden } from '../../../client-agent/discover.ts';

const found = discoverGolden(
  {
    port: Number(process.argv[2]),
    session: null,
    pin: undefined,
    address: undefined,
    signal: new AbortController().signal,
    onTry: () => undefined,
    onRefused: () => undefined,
    whyShunned: () => undefined,
    connect: (golden) => Promise.resolve(golden),
  },
  () => undefined,
);
const said = await found.then(
  ({ host }) => host,
  ({ message }: Error) => message,
);
process.stdout.write(`${said}\n`);
