import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { showStatus } from '../../cli/status.ts';
import { parseStatusTarget } from '../../client-agent/status-reader.ts';
import { StatusServer } from '../../client-agent/status-server.ts';

const started: StatusServer[] = [];

const serve = async (hostname: string): Promise<StatusServer> => {
  const server = new StatusServer({ host: '127.0.0.1', port: 0, hostname });
  started.push(server);
  await server.listen();
  return server;
};

/** A port nobody listens on. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
};

const show = async (labels: readonly string[], follow = false, signal?: AbortSignal) => {
  const out: string[] = [];
  const err: string[] = [];
  const code = await showStatus(labels.map(parseStatusTarget), {
    follow,
    timeoutMs: 2000,
    signal,
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  });
  return { out, err, code };
};

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});

describe('ka status', () => {
  test('prints one node as it is and ends by itself', async () => {
    const server = await serve('node01');
    server.write('formatting sda1');
    const { out, err, code } = await show([`127.0.0.1:${server.port}`]);
    expect(out).toEqual(['node01 online', 'formatting sda1']);
    expect(err).toEqual([]);
    expect(code).toBe(0);
  });

  test('ends although the node never stops talking', async () => {
    const server = await serve('node01');
    const timer = setInterval(() => server.write('tick'), 100);
    const { out, code } = await show([`127.0.0.1:${server.port}`]);
    clearInterval(timer);
    expect(code).toBe(0);
    expect(out).toContain('tick');
  });

  test('leads each line by the node when there are several', async () => {
    const one = `127.0.0.1:${(await serve('node01')).port}`;
    const two = `127.0.0.1:${(await serve('node02')).port}`;
    const { out } = await show([one, two]);
    expect(out.toSorted()).toEqual([`${one}> node01 online`, `${two}> node02 online`].toSorted());
  });

  test('names the node that does not answer; exit 2 when others did, 1 when none did', async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    const live = `127.0.0.1:${(await serve('node01')).port}`;
    const some = await show([dead, live]);
    expect(some.code).toBe(2);
    expect(some.out).toEqual([`${live}> node01 online`]);
    expect(some.err).toEqual([
      expect.stringMatching(/^127.0.0.1:\d+: nothing answers on port \d+ \(ECONNREFUSED\); is ka/),
    ]);
    expect((await show([dead])).code).toBe(1);
  });

  test('says so when the port belongs to something silent', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { err, code } = await show([`127.0.0.1:${port}`]);
    expect(err[0]).toContain('says nothing');
    expect(code).toBe(1);
    await new Promise<void>((resolve) => silent.close(() => resolve()));
  });

  test('a node that never ends a line takes no memory for it', async () => {
    const endless = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      const pour = (): void => {
        while (socket.write('x'.repeat(64 * 1024)));
      };
      socket.on('drain', pour);
      pour();
    });
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', () => resolve()));
    const address = endless.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const before = process.memoryUsage().heapUsed;
    const { err } = await show([`127.0.0.1:${port}`]);
    expect(err[0]).toContain('says nothing');
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1024 * 1024);
    endless.close();
  }, 15_000);

  test('--follow goes on until it is stopped', async () => {
    const server = await serve('node01');
    const stop = new AbortController();
    const timer = setTimeout(() => server.write('much later'), 1500);
    setTimeout(() => stop.abort(), 2200);
    const { out, code } = await show([`127.0.0.1:${server.port}`], true, stop.signal);
    clearTimeout(timer);
    expect(out).toEqual(['node01 online', 'much later']);
    expect(code).toBe(0);
  });

  test.each([
    ['node1', 'node1', 12345],
    ['node1:2345', 'node1', 2345],
    ['fe80::1', 'fe80::1', 12345],
    ['[fe80::1]:99', 'fe80::1', 99],
  ])('reads %s as a node', (label, host, port) => {
    expect(parseStatusTarget(label)).toEqual({ label, host, port });
  });

  test.each(['', 'node1:', 'node1:0', 'node1:70000', 'a b'])('refuses "%s"', (label) => {
    expect(() => parseStatusTarget(label)).toThrow('not a node');
  });
});
