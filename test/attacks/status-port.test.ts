/** Port 12345 of a node: anyone may watch, so nobody may keep others from it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { READER_LIMITS, StatusServer } from '../../client-agent/status-server.ts';
import { eventually } from '../support/eventually.ts';
import { Callers } from './support/callers.ts';

let callers: Callers;
let status: StatusServer;

beforeEach(async () => {
  callers = new Callers();
  status = new StatusServer({ host: '127.0.0.1', port: 0, hostname: 'node01' });
  await status.listen();
});

afterEach(async () => {
  callers[Symbol.dispose]();
  await status.close();
});

test('a thousand silent readers lock nobody out, and an old watcher of a quiet node stays', async () => {
  const watcher = await callers.call(status.port, '127.0.0.2');
  await eventually('it is greeted', () => watcher.text === 'node01 online\n');
  for (let address = 0; address < 20; address += 1) {
    await callers.callOften(status.port, `127.0.1.${address}`, 50);
  }
  await eventually('others made room', () => callers.open <= READER_LIMITS.total);
  const newcomer = await callers.call(status.port, '127.0.0.3');
  await eventually('the newcomer is greeted', () => newcomer.text.includes('node01 online'));
  status.write('all is well');
  for (const reader of [watcher, newcomer]) {
    await eventually('it still reads', () => reader.text.includes('all is well'));
  }
});

test('a reader that sends without end is let go', async () => {
  const talker = await callers.call(status.port, '127.0.0.2');
  const sending = setInterval(() => talker.socket.write(Buffer.alloc(16 * 1024)), 10);
  await eventually('it is let go', () => talker.isClosed);
  clearInterval(sending);
});

test('a greeting that fails ends that reader, and is said once', async () => {
  const well = await callers.call(status.port, '127.0.0.2');
  await eventually('it is greeted', () => well.text !== '');
  let isBroken = false;
  // A name no text can be made of, as a defect would leave one.
  const name = {
    toString: () => {
      if (isBroken) throw new Error('no name');
      return 'node01';
    },
  };
  status.rename(name as unknown as string);
  isBroken = true;
  for (let reader = 0; reader < 5; reader += 1) {
    const caller = await callers.call(status.port, '127.0.0.3');
    await eventually('it is ended', () => caller.isClosed);
  }
  isBroken = false;
  status.write('goes on');
  await eventually('the others read on', () => well.text.includes('goes on'));
  await sleep(50);
  expect(well.text.match(/no name/g)).toHaveLength(1);
});
