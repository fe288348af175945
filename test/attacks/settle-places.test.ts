/** Places to settle are few: members that hold them without settling must not keep others out. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { MAX_CONCURRENT, type SettlePatience, SettleService } from '../../golden/settle-service.ts';
import type { NewEvent } from '../../protocol/events.ts';
import { run } from '../../system/run.ts';
import { listenOn } from '../../system/tcp-server.ts';
import { eventually } from '../support/eventually.ts';

const HONEST = 1;

let place: string;
let events: NewEvent[];
let service: SettleService;
let server: Server | undefined;
let over: AbortController;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'ka-test-'));
  await mkdir(join(place, 'tree'));
  await writeFile(join(place, 'tree/file'), 'settled');
  events = [];
  over = new AbortController();
});

afterEach(async () => {
  over.abort();
  server?.close();
  server = undefined;
  await eventually('its view is closed', async () => {
    const { stdout } = await run('grep', ['-rlsF', place, '/run/ka'], { okExitCodes: [0, 1, 2] });
    return stdout === '';
  });
  await rm(place, { recursive: true });
});

const start = (patience?: SettlePatience): void => {
  const trees = [{ mount: '/', path: join(place, 'tree'), excluded: [] }];
  service = new SettleService(trees, (event) => events.push(event), patience);
};

/** A channel that says what `push` is given, and takes all it hears. */
const open = (node: number, token: string): Duplex => {
  const channel = new Duplex({ read: () => undefined, write: (_a, _b, done) => done() });
  service.serve(channel, token, node, over.signal);
  return channel;
};

/** As many channels of so many nodes as they may have, on which nothing is said. */
const holdPlaces = (nodes: number): void => {
  for (let node = 2; node < nodes + 2; node += 1) {
    const token = service.admit(node)?.token ?? '';
    open(node, token);
    open(node, token);
  }
};

/** An honest node's rsync; `carry` makes its channel. */
const settle = async (carry: (socket: Socket) => Duplex = (socket) => socket): Promise<void> => {
  const access = service.admit(HONEST);
  if (!access) throw new Error('nothing to settle');
  server = createServer((socket) =>
    service.serve(carry(socket), access.token, HONEST, over.signal),
  );
  const port = await listenOn(server, 0, '127.0.0.1', '');
  const url = `rsync://${access.user}@127.0.0.1:${port}/${access.modules['/']}/`;
  await run('rsync', ['-a', url, `${place}/copy/`], {
    env: { RSYNC_PASSWORD: access.secret },
    timeoutMs: 20_000,
  });
};

const nodesWarnedOf = (): (number | null)[] =>
  events.flatMap((event) => (event.kind === 'log' ? [event.node] : []));

test('two silent channels of a node take one place, and the others stay free', async () => {
  start();
  holdPlaces(MAX_CONCURRENT - 1);
  await settle();
  expect(await readFile(join(place, 'copy/file'), 'utf8')).toBe('settled');
  expect(nodesWarnedOf()).toEqual([]);
});

test('who says nothing loses its place, and all others come before its next channel', async () => {
  start({ firstWordMs: 2000, silenceMs: 60_000 });
  holdPlaces(MAX_CONCURRENT);
  await settle();
  expect(await readFile(join(place, 'copy/file'), 'utf8')).toBe('settled');
  expect(nodesWarnedOf().toSorted()).toEqual([2, 3, 4, 5]);
  expect(events[0]).toMatchObject({
    message: 'settle: nothing was said for 2 s, so others get its place',
  });
});

test('who greets and then says nothing loses it later; who goes on does not', async () => {
  start({ firstWordMs: 500, silenceMs: 2000 });
  const silent = open(2, service.admit(2)?.token ?? '');
  const slow = open(3, service.admit(3)?.token ?? '');
  for (const channel of [silent, slow]) channel.push('@RSYNCD: 31.0');
  const goesOn = setInterval(() => slow.push('0'), 200);
  try {
    await sleep(1200);
    expect(silent.destroyed).toBe(false);
    await eventually('its place is free', () => silent.destroyed);
    expect(nodesWarnedOf()).toEqual([2]);
    expect(slow.destroyed).toBe(false);
  } finally {
    clearInterval(goesOn);
  }
});

test('a node that only listens, slowly, keeps its place to the end', async () => {
  const content = randomBytes(4 * 1024 * 1024);
  await writeFile(join(place, 'tree/file'), content);
  start({ firstWordMs: 1000, silenceMs: 1500 });
  const began = performance.now();
  await settle((socket) => {
    const channel = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        socket.write(chunk);
        setTimeout(done, (chunk.length / content.length) * 5000);
      },
      final: (done) => void socket.end(done),
    });
    socket.on('data', (data) => channel.push(data));
    socket.on('end', () => channel.push(null));
    socket.on('error', (error) => channel.destroy(error));
    return channel;
  });
  expect(performance.now() - began).toBeGreaterThan(4000);
  expect(content.equals(await readFile(join(place, 'copy/file')))).toBe(true);
  expect(nodesWarnedOf()).toEqual([]);
});
