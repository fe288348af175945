/** The port clones report on from their own disks: any machine may call, none may keep others out. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HomeServer } from '../../golden/home-server.ts';
import { eventually } from '../support/eventually.ts';
import { Callers } from './support/callers.ts';

const TOKEN = 'a'.repeat(32);

let stop: AbortController;
let callers: Callers;
let said: string[];

beforeEach(() => {
  stop = new AbortController();
  callers = new Callers();
  said = [];
});

afterEach(() => {
  callers[Symbol.dispose]();
  stop.abort();
});

const start = async (onHome: (token: string, text: string) => boolean) =>
  HomeServer.start({
    host: '127.0.0.1',
    port: 0,
    signal: stop.signal,
    say: (line) => said.push(line),
    onHome,
  });

const report = async (port: number, from: string): Promise<string> => {
  const clone = await callers.call(port, from);
  clone.socket.write(`ka-home ${TOKEN} node01 boot\n`);
  await eventually('it is answered', () => clone.text !== '' || clone.isClosed);
  return clone.text;
};

test('two thousand idle connections of few or many addresses keep no clone out', async () => {
  const { port } = await start((token) => token === TOKEN);
  await callers.callOften(port, '127.0.0.2', 1000);
  await eventually('most were ended', () => callers.open <= 8);
  expect(await report(port, '127.0.0.3')).toBe('ok\n');
  for (let address = 0; address < 250; address += 1) {
    await callers.callOften(port, `127.0.1.${address}`, 5);
  }
  expect(await report(port, '127.0.0.4')).toBe('ok\n');
  expect(callers.open).toBeLessThanOrEqual(1024);
  expect(said.length).toBeLessThan(10);
}, 30_000);

test('what throws while a call is heard ends that call, and is said once', async () => {
  let isBroken = true;
  const { port } = await start(() => {
    if (isBroken) throw new Error('out of order');
    return true;
  });
  for (let call = 0; call < 5; call += 1) expect(await report(port, '127.0.0.2')).toBe('');
  isBroken = false;
  expect(await report(port, '127.0.0.2')).toBe('ok\n');
  expect(said).toEqual([
    'port of reports from own disks: a call could not be answered: out of order',
  ]);
});
