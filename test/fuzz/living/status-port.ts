/** The port of a node that anybody may read its log on. */
import fc from 'fast-check';
import { StatusServer } from '../../../client-agent/status-server.ts';
import { isPrintable } from '../../../system/printable.ts';
import { mustBe } from '../target.ts';
import { door } from './support/door.ts';
import { visit } from './support/visit.ts';

export const statusPort = door({
  name: 'status port',
  samples: ['GET / HTTP/1.1\r\n\r\n', '\n', 'x'.repeat(70_000)],
  mayWrite: /^$/,
  open: async (_state, signal) => {
    const host = '127.0.0.1';
    const server = new StatusServer({ host, port: 0, hostname: 'node01', signal });
    await server.listen();
    const to = { host, port: server.port };
    let lines = 0;
    return {
      to,
      answered: (said) => {
        for (const text of said) server.write(text);
      },
      serve: async () => {
        lines += 1;
        server.write(`line ${lines}.`);
        const last = (heard: string): boolean => heard.endsWith(`line ${lines}.\n`);
        const text = Buffer.from(await visit({ to }, [], last), 'latin1').toString();
        mustBe(text.startsWith('node01 online\n'), 'it does not greet');
        const strange = text.split('\n').find((line) => !isPrintable(line));
        mustBe(strange === undefined, `it says ${fc.stringify(strange)}`);
      },
    };
  },
});
