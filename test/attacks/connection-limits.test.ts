/** One rule for all TCP servers: who has much makes room for who has little. */
import { createServer as createWebServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectSecurely } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ConnectionLimits, limitConnections } from '../../system/connection-limits.ts';
import { run } from '../../system/run.ts';
import { listenOn } from '../../system/tcp-server.ts';
import { eventually } from '../support/eventually.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { Callers } from './support/callers.ts';

let callers: Callers;
let server: Server | undefined;
let said: string[];

beforeEach(() => {
  callers = new Callers();
  said = [];
});

afterEach(() => {
  callers[Symbol.dispose]();
  server?.close();
});

const serve = async (limits: ConnectionLimits, made: Server = createServer(echo)) => {
  server = made;
  limitConnections(made, { limits, say: (line) => said.push(line) });
  return listenOn(made, 0, '127.0.0.1', '');
};

const echo = (socket: Socket): void => {
  socket.on('data', (bytes) => socket.write(bytes));
};

const isOpen = ({ isClosed }: { isClosed: boolean }): boolean => !isClosed;

test('one address has no more than its share, its newest ones', async () => {
  const port = await serve({ perAddress: 4, total: 100, quietMs: 0 });
  const own = await callers.callOften(port, '127.0.0.2', 10);
  await eventually('the others are ended', () => own.filter(isOpen).length === 4);
  expect(own.slice(-4).every(isOpen)).toBe(true);
  expect(said[0]).toBe('127.0.0.2 has 4 connections here, which is all it may');
  // Six more made room; it is said once.
  expect(said).toHaveLength(1);
});

test('when all are taken, whoever has most makes room', async () => {
  const port = await serve({ perAddress: 8, total: 10, quietMs: 60_000 });
  const honest = await callers.callOften(port, '127.0.0.2', 2);
  const greedy = await callers.callOften(port, '127.0.0.3', 8);
  const [newcomer] = await callers.callOften(port, '127.0.0.4', 1);
  await eventually('one is ended', () => greedy.filter(isOpen).length === 7);
  expect(greedy[0]?.isClosed).toBe(true);
  expect(honest.every(isOpen)).toBe(true);
  newcomer?.socket.write('here');
  await eventually('the newcomer is served', () => newcomer?.text === 'here');
});

test('among equals a busy one stays, a resting one makes room', async () => {
  const port = await serve({ perAddress: 8, total: 2, quietMs: 300 });
  const busy = await callers.call(port, '127.0.0.2');
  const resting = await callers.call(port, '127.0.0.3');
  const tooSoon = await callers.call(port, '127.0.0.4');
  await eventually('there is no room yet', () => tooSoon.isClosed);
  const talking = setInterval(() => busy.socket.write('.'), 20);
  // Looked at now and then: a newcomer a while later finds out who rests.
  await sleep(400);
  await callers.call(port, '127.0.0.5');
  clearInterval(talking);
  await eventually('the resting one made room', () => resting.isClosed);
  expect(busy.isClosed).toBe(false);
});

test('a connection that rests too long is ended, one that moves is not', async () => {
  const port = await serve({ perAddress: 8, total: 8, quietMs: 0, idleMs: 400 });
  const [silent, slow] = await callers.callOften(port, '127.0.0.2', 2);
  const dripping = setInterval(() => slow?.socket.write('.'), 100);
  await eventually('the silent one is ended', () => silent?.isClosed === true, 2000);
  await sleep(400);
  clearInterval(dripping);
  expect(slow?.isClosed).toBe(false);
});

test('a peer that reads nothing rests, however much waits for it', async () => {
  const flood = createServer((socket) => {
    const timer = setInterval(() => socket.write(Buffer.alloc(256 * 1024)), 20);
    socket.on('close', () => clearInterval(timer));
  });
  const port = await serve({ perAddress: 8, total: 8, quietMs: 0, idleMs: 400 }, flood);
  const stalled = await callers.call(port, '127.0.0.2');
  stalled.socket.pause();
  const count = () =>
    new Promise<number>((resolve) => flood.getConnections((_error, open) => resolve(open)));
  expect(await count()).toBe(1);
  await eventually('it is ended', async () => (await count()) === 0);
});

describe('servers of other kinds', () => {
  test('HTTP goes on while connections are turned away and end', async () => {
    const web = createWebServer((_request, response) => response.end('served'));
    const port = await serve({ perAddress: 4, total: 4, quietMs: 60_000 }, web);
    const held = await callers.callOften(port, '127.0.0.2', 4);
    const turned = await callers.callOften(port, '127.0.0.2', 50);
    await eventually('they are turned away', () => turned.every((caller) => caller.isClosed));
    expect(held.every(isOpen)).toBe(true);
    const page = await callers.call(port, '127.0.0.3');
    page.socket.write('GET / HTTP/1.0\r\n\r\n');
    await eventually('it is served', () => page.text.endsWith('served'));
  });

  test('TLS, too, and what is read through it counts', async () => {
    await using temp = await makeTempDir();
    const files = ['-keyout', `${temp.path}/key`, '-out', `${temp.path}/cert`];
    const what = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    await run('openssl', [...what, '-nodes', '-subj', '/CN=x', ...files]);
    const [key, cert] = await Promise.all(
      ['key', 'cert'].map(async (name) => (await run('cat', [`${temp.path}/${name}`])).stdout),
    );
    const web = createSecureServer({ key, cert }, (_request, response) => response.end('served'));
    const limits = { perAddress: 4, total: 4, quietMs: 60_000, idleMs: 600 };
    const port = await serve(limits, web);
    const turned = await callers.callOften(port, '127.0.0.2', 50);
    await eventually('all are ended', () => turned.every((caller) => caller.isClosed));
    const secure = connectSecurely({ host: '127.0.0.1', port, rejectUnauthorized: false });
    let text = '';
    secure.on('data', (part) => {
      text += part.toString();
    });
    secure.on('error', () => secure.destroy());
    // Longer than it may rest, but it never does.
    secure.write('GET / HTTP/1.1\r\nHost: x\r\n');
    for (let part = 0; part < 10; part += 1) {
      await sleep(100);
      secure.write(`X-${part}: x\r\n`);
    }
    secure.write('\r\n');
    await eventually('it is served', () => text.includes('served'));
    secure.destroy();
  });
});
