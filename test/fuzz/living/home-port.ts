/** The port clones report on from their own disks. */
import { HomeServer } from '../../../golden/home-server.ts';
import { isPrintable } from '../../../system/printable.ts';
import { mustBe } from '../target.ts';
import { door } from './support/door.ts';
import { visit } from './support/visit.ts';

const TOKEN = '0123456789abcdef'.repeat(2);
const HONEST = 'fedcba9876543210'.repeat(2);

export const homePort = door({
  name: 'phone-home port',
  samples: [`ka-home ${TOKEN} node01 boot-id\n`, `ka-home ${'0'.repeat(32)} x\n`],
  mayWrite: /^$/,
  open: async (_state, signal) => {
    const host = '127.0.0.1';
    const texts: string[] = [];
    const { port } = await HomeServer.start({
      host,
      port: 0,
      signal,
      say: (line) => texts.push(line),
      onHome: (token, text) => {
        texts.push(text);
        return token === TOKEN || token === HONEST;
      },
    });
    return {
      to: { host, port },
      answered: (said, answers) => {
        const known = said.join('').includes(TOKEN) ? ['', 'unknown\n', 'ok\n'] : ['', 'unknown\n'];
        for (const answer of answers) mustBe(known.includes(answer), `it answered ${answer}`);
        for (const text of texts.splice(0)) mustBe(isPrintable(text), `it heard ${text}`);
      },
      serve: async () => {
        const answer = await visit(
          { to: { host, port } },
          [`ka-home ${HONEST} n b\n`],
          () => false,
        );
        mustBe(answer === 'ok\n', `an honest clone was answered ${answer}`);
      },
    };
  },
});
