/** Questions on consoles: pseudo terminals, with somebody at their keyboards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { askOn } from '../../client-agent/ask.ts';
import { keyboardOf } from '../../client-agent/stage1/keyboard.ts';
import { eventually } from '../support/eventually.ts';

/** Opens terminals, says their names, types what it is told ("NUMBER HEX"), and says when it has. */
const TERMINALS = `
import os, sys
pairs = [os.openpty() for _ in range(6)]
print(' '.join(os.ttyname(slave) for _, slave in pairs), flush=True)
for line in sys.stdin:
    number, text = line.split()
    os.write(pairs[int(number)][0], bytes.fromhex(text))
    print('typed', flush=True)
`;

let terminals: ChildProcess;
let said: Interface;
let devices: string[];
let over: AbortController;
let shown: string[];

const type = (terminal: number, text: string): void => {
  terminals.stdin?.write(`${terminal} ${Buffer.from(text).toString('hex')}\n`);
};

/** All terminals' keyboards, and one of a console that is not there. */
const asker = () => {
  const keyboards = [...devices, '/dev/ttyS99', '/dev/null'].map((device) =>
    keyboardOf(device, over.signal),
  );
  return askOn(keyboards, (line) => shown.push(line));
};

beforeEach(async () => {
  over = new AbortController();
  shown = [];
  terminals = spawn('python3', ['-u', '-c', TERMINALS], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (!terminals.stdout) throw new Error('no output');
  said = createInterface({ input: terminals.stdout });
  const [names] = await once(said, 'line');
  devices = String(names).split(' ');
});

afterEach(async () => {
  over.abort();
  terminals.kill('SIGKILL');
  await once(terminals, 'close');
});

test('the first answer on any of them counts; what is no answer is asked again', async () => {
  const ask = asker();
  const answer = ask('well?', over.signal);
  type(0, 'what\r');
  await eventually('it is asked again', () => shown.length === 2);
  type(5, 'Y\r');
  expect(await answer).toBe(true);
  const second = ask('really?', over.signal);
  type(1, 'no\r');
  expect(await second).toBe(false);
  expect(shown).toEqual(['well?', 'well?', 'really?']);
});

test('what was typed before the question is no answer to it', async () => {
  const ask = asker();
  const typed = once(said, 'line');
  type(2, 'y\r');
  await typed;
  await sleep(200);
  const answer = ask('well?', over.signal);
  expect(await Promise.race([answer, sleep(300, 'none')])).toBe('none');
  type(2, 'n\r');
  expect(await answer).toBe(false);
});

test('a question that nobody needs answered any more ends, and a later one is answered', async () => {
  const ask = asker();
  const first = new AbortController();
  const answer = ask('well?', first.signal);
  first.abort(new Error('again'));
  await expect(answer).rejects.toThrow('again');
  const second = ask('and now?', over.signal);
  type(0, 'y\r');
  expect(await second).toBe(true);
});

test('Ctrl-D ends no keyboard for good', async () => {
  const ask = asker();
  const answer = ask('well?', over.signal);
  type(3, '\x04');
  const untilAnswered = async () => {
    type(3, 'y\r');
    return Promise.race([answer, sleep(200, false)]);
  };
  expect(await eventually('it is heard again', untilAnswered)).toBe(true);
});

test('many consoles keep nothing else of the process waiting', async () => {
  asker();
  await sleep(100);
  const read = readFile('/proc/self/status', 'utf8');
  expect(await Promise.race([read, sleep(3000, 'held up', { ref: false })])).toMatch(/^Name:/);
});
