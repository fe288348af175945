import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HomeServer } from '../../golden/home-server.ts';

const TOKEN = 'a'.repeat(32);

let stop: AbortController;
let server: HomeServer;
let heard: [string, string, string][];

beforeEach(async () => {
  stop = new AbortController();
  heard = [];
  server = await HomeServer.start({
    host: '127.0.0.1',
    port: 0,
    signal: stop.signal,
    say: () => undefined,
    onHome: (...call) => {
      heard.push(call);
      return call[0] === TOKEN;
    },
  });
});

afterEach(() => stop.abort());

/** What the server answers to these bytes, sent in these parts, until it closes. */
const say = async (...parts: string[]): Promise<string> => {
  const socket = connect(server.port, '127.0.0.1').setEncoding('utf8');
  let answer = '';
  socket.on('data', (text) => {
    answer += text;
  });
  socket.on('error', () => socket.destroy());
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (!socket.closed) await once(socket, 'close');
  return answer;
};

test('a clone is heard once, however often it calls', async () => {
  expect(await say(`ka-home ${TOKEN} node01 boot\n`)).toBe('ok\n');
  expect(await say('ka-', `home ${TOKEN}`, ' node01 boot', '\n')).toBe('ok\n');
  expect(heard).toEqual([[TOKEN, 'node01 boot', '127.0.0.1']]);
});

test('what a clone says of itself cannot steer a terminal', async () => {
  await say(`ka-home ${TOKEN} node\u001b[2J01\r\n`);
  expect(heard[0]?.[1]).toBe('node01');
});

test('strangers are not known', async () => {
  expect(await say(`ka-home ${'b'.repeat(32)} node01\n`)).toBe('unknown\n');
  for (const line of ['GET / HTTP/1.0\n', '\n', `ka-home ${TOKEN}\n`, 'ka-home abc node01\n']) {
    expect(await say(line)).toBe('unknown\n');
  }
  expect(await say('x'.repeat(600))).toBe('');
  expect(await say(`ka-home ${TOKEN} ${'x'.repeat(600)}\n`)).toBe('');
  expect(heard).toHaveLength(1);
});

test('a port that is taken is named', async () => {
  const { port } = server;
  const options = {
    host: '127.0.0.1',
    port,
    signal: stop.signal,
    say: () => undefined,
    onHome: () => true,
  };
  await expect(HomeServer.start(options)).rejects.toMatchObject({
    code: 'PortTaken',
    message: expect.stringContaining(`port ${port} is in use`),
  });
});

test('its end closes the port and those who are still talking', async () => {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('ka-home');
  // Its own error, of a connection that is cut, is not what is looked at here.
  socket.on('error', () => socket.destroy());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  stop.abort();
  await closed;
  const late = connect(server.port, '127.0.0.1');
  await expect(once(late, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
