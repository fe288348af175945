/** The socket the operator's commands come by. */
import { join } from 'node:path';
import { openOperatorSocket, tellSession } from '../../../golden/operator-socket.ts';
import { operatorKey } from '../../../trust/golden-keys.ts';
import { mustBe } from '../target.ts';
import { door } from './support/door.ts';

const SESSION = 'fuzzed';
/** Stands for the key. */
const KEY = 'a'.repeat(26);

export const operatorSocket = door({
  name: 'operator socket',
  samples: [
    { command: 'start', key: KEY },
    { command: 'requests', key: 'b'.repeat(26) },
    { command: 'admit', key: KEY, code: '123456' },
    { command: 'admit', key: 'b'.repeat(26), code: '123456' },
  ].map((command) => `${JSON.stringify(command)}\n`),
  mayWrite: /^(?:keys\/(?:operator\.key)?|run\/(?:fuzzed\.sock)?)$/,
  open: async (state, signal) => {
    let done = 0;
    const count = (): void => {
      done += 1;
    };
    const admit = (): boolean => {
      count();
      return true;
    };
    const handlers = { start: count, requests: () => ['nobody asks'], admit };
    await openOperatorSocket(SESSION, handlers, signal);
    return {
      to: { path: join(state, 'run', `${SESSION}.sock`) },
      filledIn: (said) => said.replaceAll(KEY, () => operatorKey()),
      answered: (said) => {
        const knows = said.join('').includes(operatorKey());
        mustBe(done === 0 || knows, 'it did what somebody said who has no key');
        done = 0;
      },
      serve: async () => {
        const [line] = await tellSession(SESSION, { command: 'requests' });
        mustBe(line === 'nobody asks', `the operator was answered ${line}`);
      },
    };
  },
});
