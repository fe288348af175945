import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { StatusServer } from '../../client-agent/status-server.ts';

const started: StatusServer[] = [];
const sockets: Socket[] = [];

const serve = async (): Promise<StatusServer> => {
  const server = new StatusServer({ host: '127.0.0.1', port: 0, hostname: 'node01' });
  started.push(server);
  await server.listen();
  return server;
};

/** A reader with everything it has read so far. */
const read = async (server: StatusServer, localAddress = '127.0.0.1') => {
  const socket = connect({ host: '127.0.0.1', port: server.port, localAddress });
  sockets.push(socket);
  const reader = { socket, text: '', closed: false };
  socket.on('data', (bytes) => {
    reader.text += bytes.toString();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    reader.closed = true;
  });
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return reader;
};

/** Waits until `seen` holds; fails after five seconds. */
const until = async (seen: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 250; tries += 1) {
    if (seen()) return;
    await sleep(20);
  }
  throw new Error('did not happen within 5 s');
};

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(started.splice(0).map((server) => server.close()));
});

describe('the status port', () => {
  test('greets a reader with the host, then gives the log so far and the live log', async () => {
    const server = await serve();
    server.write('before');
    const reader = await read(server);
    await until(() => reader.text.includes('before'));
    server.write('after');
    await until(() => reader.text.includes('after'));
    expect(reader.text).toBe('node01 online\nbefore\nafter\n');
  });

  test('gives fifty readers the same text', async () => {
    const server = await serve();
    const readers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => read(server, `127.0.0.${1 + (index % 2)}`)),
    );
    for (let line = 0; line < 100; line += 1) server.write(`line ${line}`);
    await until(() => readers.every(({ text }) => text.includes('line 99\n')));
    expect(new Set(readers.map(({ text }) => text)).size).toBe(1);
  });

  test('says so when the oldest lines are not kept', async () => {
    const server = await serve();
    for (let line = 0; line < 1500; line += 1) server.write(`line ${line}`);
    const reader = await read(server);
    await until(() => reader.text.includes('line 1499\n'));
    expect(reader.text).toMatch(/^node01 online\n\(500 earlier lines are not kept\)\nline 500\n/);
  });

  test('drops a reader that does not keep up and goes on for the others', async () => {
    const server = await serve();
    const stalled = await read(server);
    const well = await read(server);
    await until(() => stalled.text !== '' && well.text !== '');
    stalled.socket.pause();
    // More than one lagging reader may hold, with what the kernel buffers on both sides.
    for (let line = 0; line < 400; line += 1) {
      server.write(`${line} ${'x'.repeat(64 * 1024)}`);
      await until(() => well.text.includes(`\n${line} `));
    }
    server.write('the end');
    await until(() => well.text.endsWith('the end\n'));
    stalled.socket.resume();
    await until(() => stalled.closed);
    expect(stalled.text).not.toContain('the end');
    expect(well.closed).toBe(false);
  });

  test('outlives readers that reset their connection in the middle of a line', async () => {
    const server = await serve();
    const rude = await Promise.all(Array.from({ length: 10 }, () => read(server)));
    const well = await read(server);
    await until(() => [...rude, well].every(({ text }) => text !== ''));
    for (const { socket } of rude) socket.resetAndDestroy();
    for (let line = 0; line < 50; line += 1) server.write(`line ${line}`);
    await until(() => well.text.includes('line 49\n'));
    const late = await read(server);
    await until(() => late.text.includes('line 49\n'));
  });

  test('ignores what readers send', async () => {
    const server = await serve();
    const reader = await read(server);
    await until(() => reader.text !== '');
    reader.socket.write('exec echo owned\n'.repeat(1000));
    server.write('still here');
    await until(() => reader.text.includes('still here'));
    expect(reader.text).toBe('node01 online\nstill here\n');
  });

  test('the 33rd reader of one address takes the place of its first', async () => {
    const server = await serve();
    const readers: Awaited<ReturnType<typeof read>>[] = [];
    for (let index = 0; index < 33; index += 1) readers.push(await read(server));
    await until(() => readers.every(({ text }) => text !== ''));
    await until(() => readers[0]?.closed === true);
    expect(readers[0]?.text).toMatch(
      /\n\(32 connections of one machine .*, yours is the oldest\)\n$/,
    );
    expect(readers.slice(1).every(({ closed }) => !closed)).toBe(true);
  });

  test('greets with the new name after the golden has named the node', async () => {
    const server = await serve();
    server.rename('web7');
    const reader = await read(server);
    await until(() => reader.text.includes('web7 online\n'));
    expect(reader.text).toContain('node01 is now called web7\n');
  });

  test('takes what a terminal would obey out of the log', async () => {
    const server = await serve();
    const reader = await read(server);
    server.write('\u001b[2Jred\u0007\r\nnext');
    await until(() => reader.text.includes('next'));
    expect(reader.text).toBe('node01 online\nred? next\n');
  });

  test('names a port that is taken', async () => {
    const server = await serve();
    const second = new StatusServer({ host: '127.0.0.1', port: server.port, hostname: 'x' });
    await expect(second.listen()).rejects.toMatchObject({
      code: 'StatusPortTaken',
      message: expect.stringContaining(String(server.port)),
    });
  });

  test('closes, readers included, when its signal fires', async () => {
    const stop = new AbortController();
    const server = new StatusServer({
      host: '127.0.0.1',
      port: 0,
      hostname: 'node01',
      signal: stop.signal,
    });
    await server.listen();
    const reader = await read(server);
    await until(() => reader.text !== '');
    stop.abort();
    await until(() => reader.closed);
    expect(reader.text).toContain('(node01 closes)');
  });
});
