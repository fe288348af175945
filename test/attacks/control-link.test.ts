import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import type { Hello } from '../../protocol/admission.ts';
import { makeKeyPair } from '../../trust/key-pair.ts';
import { newSecret } from '../../trust/secret.ts';
import { issueTicket } from '../../trust/tickets.ts';
import { visit } from '../fuzz/living/support/visit.ts';
import { eventually } from '../support/eventually.ts';
import {
  connectNode,
  type GoldenSession,
  openSession,
  type TestNode,
} from '../support/golden-session.ts';
import { someHello } from '../support/hello.ts';

const MAC = '52:54:00:00:00:01';

let golden: GoldenSession;
beforeEach(async () => {
  golden = await openSession();
});
afterEach(async () => {
  await golden[Symbol.asyncDispose]();
});

const hello = (
  admission: Partial<Hello['admission']>,
  changes: Partial<Hello> = {},
  macs = [MAC],
): Hello => {
  const some = someHello({ target: 'directory', ...changes });
  return {
    ...some,
    inventory: { ...some.inventory, macs },
    admission: { ...some.admission, ...admission },
  };
};

/** A node that does everything right: whoever else is there, it gets in. */
const expectOpenFor = async (mac: string): Promise<TestNode> => {
  const node = await connectNode(golden.join);
  node.link.send(hello({ token: golden.join.token }, {}, [mac]));
  await eventually('the welcome', () => node.said('welcome') !== undefined);
  return node;
};

const names = () =>
  golden.events.flatMap((event) => (event.kind === 'node' ? [`${event.name} ${event.state}`] : []));

/** Sends bytes of an HTTP request through TLS, and resolves with what came back. */
const request = (text: string): Promise<string> =>
  new Promise((resolve) => {
    const { host, port } = golden.join;
    const socket: TLSSocket = connectTls({ host, port, rejectUnauthorized: false }, () => {
      socket.write(text);
    });
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
    socket.setTimeout(8000, () => socket.destroy());
  });

const upgrade = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;

describe('the control port', () => {
  test.each(['//', 'http://[', '*', '/control/../..', '/settle?token=%00', `/${'a'.repeat(3000)}`])(
    'an upgrade for %s ends that connection only',
    async (path) => {
      expect(await request(upgrade(path))).toMatch(/^HTTP\/1\.1 404/);
      await expectOpenFor(MAC);
    },
  );

  test('what comes behind an upgrade for nothing does not keep its connection open', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const { host, port } = golden.join;
    const caller = { to: { host, port }, from: '127.0.1.1', tls: {} };
    const pieces = [upgrade('//'), 'and more'];
    await Promise.all(Array.from({ length: 8 }, () => visit(caller, pieces, 'wait')));
    const open = () => readdirSync('/proc/self/fd').length - before;
    await eventually('they are closed', () => open() < 4, 3000);
    await expectOpenFor(MAC);
  });

  test('anything but an upgrade is not found, and large headers end the connection', async () => {
    expect(await request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/^HTTP\/1\.1 404/);
    await request(`GET /control HTTP/1.1\r\nHost: ${'x'.repeat(100_000)}\r\n\r\n`);
    await request('\0\0\0 not HTTP\r\n\r\n');
    await expectOpenFor(MAC);
  });

  test('bytes that are not TLS, and connections that say nothing, disturb nobody', async () => {
    const { host, port } = golden.join;
    const idle = Array.from({ length: 100 }, () =>
      connect({ host, port, localAddress: '127.0.1.1' }),
    );
    for (const socket of idle) socket.on('error', () => undefined);
    idle[0]?.write('this is not TLS at all');
    await sleep(200);
    await expectOpenFor(MAC);
    for (const socket of idle) socket.destroy();
  });

  test('a settle channel with a bad token, or none, ends that channel only', async () => {
    const node = await expectOpenFor(MAC);
    for (const token of ['wrong', 'x'.repeat(64)]) {
      const channel = await node.link.openSettleChannel(token);
      channel.on('error', () => undefined);
      channel.resume();
      channel.write(Buffer.alloc(1000, 0xff));
      await new Promise((resolve) => channel.on('end', resolve));
    }
    await expectOpenFor('52:54:00:00:00:02');
  });

  test('a frame that is no frame ends that link only', async () => {
    const { host, port } = golden.join;
    const keys = await makeKeyPair();
    for (const path of ['/control', '/settle?token=x']) {
      const socket = connectTls({
        host,
        port,
        rejectUnauthorized: false,
        key: keys.key,
        cert: keys.cert,
      });
      socket.on('error', () => undefined);
      socket.resume();
      socket.write(upgrade(path));
      socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 1, 2, 3]));
      await new Promise((resolve) => socket.on('close', resolve));
    }
    await expectOpenFor(MAC);
  });
});

describe('a machine without a secret', () => {
  test('gets no welcome, no plan and no key, only a code that people compare', async () => {
    const stranger = await connectNode(golden.join);
    stranger.link.send(hello({}));
    await eventually('a challenge', () => stranger.said('challenge') !== undefined);
    await sleep(300);
    expect(stranger.heard.map(({ type }) => type)).toEqual(['challenge']);
    expect(names()).toEqual([]);
    await expectOpenFor('52:54:00:00:00:02');
  });

  test('with a wrong token is turned away, whatever else it is', async () => {
    const stranger = await connectNode(golden.join);
    stranger.link.send(hello({ token: newSecret(), open: true }));
    await stranger.link.closed;
    expect(stranger.said('eject')?.reason).toContain('join string is of another session');
    expect(names()).toEqual([]);
    expect(golden.audit()).toContainEqual(
      expect.objectContaining({ what: 'refused', macs: [MAC] }),
    );
  });

  test('with a ticket somebody used before has to ask, and the board says why', async () => {
    const ticket = issueTicket(MAC);
    const first = await connectNode(golden.join);
    first.link.send(hello({ ticket }));
    await eventually('the welcome', () => first.said('welcome') !== undefined);
    await first.link.close();
    const second = await connectNode(golden.join);
    second.link.send(hello({ ticket }));
    await eventually('a challenge', () => second.said('challenge') !== undefined);
    expect(second.said('welcome')).toBeUndefined();
    expect(golden.audit()).toContainEqual(
      expect.objectContaining({ what: 'asked', why: 'its ticket was used before' }),
    );
  });

  test('with the ticket of another machine has to ask, and does not use it up', async () => {
    const ticket = issueTicket('52:54:00:00:00:09');
    const thief = await connectNode(golden.join);
    thief.link.send(hello({ ticket }));
    await eventually('a challenge', () => thief.said('challenge') !== undefined);
    expect(thief.said('welcome')).toBeUndefined();
    const own = await connectNode(golden.join);
    own.link.send(hello({ ticket }, {}, ['52:54:00:00:00:09']));
    await eventually('the welcome', () => own.said('welcome') !== undefined);
  });

  test('that asks by the thousand fills no journal, and its numbers are bounded', async () => {
    for (let round = 0; round < 60; round += 1) {
      const stranger = await connectNode(golden.join);
      stranger.link.send(hello({ token: newSecret() }));
      await stranger.link.closed;
    }
    const refusals = golden.events.filter(({ kind }) => kind === 'log');
    expect(refusals.length).toBeLessThan(5);
    expect(statSync(join(golden.directory, 'journal.jsonl')).size).toBeLessThan(10_000);
    expect(statSync(join(golden.directory, 'audit.jsonl')).size).toBeLessThan(10_000);
    const asking = await Promise.all(Array.from({ length: 8 }, () => connectNode(golden.join)));
    for (const { link } of asking) link.send(hello({}));
    await eventually('some are turned away', () => asking.some((one) => one.said('eject')));
    expect(asking.filter((one) => one.said('challenge')).length).toBeLessThanOrEqual(4);
    await expectOpenFor('52:54:00:00:00:02');
  }, 30_000);
});

describe('what a node says of itself', () => {
  test.each([
    ['name', { name: '../../etc/logrotate.d/evil' }],
    ['name', { name: 'x'.repeat(300) }],
    ['name', { name: 'a\u001b[2Jb' }],
    ['data port', { dataPort: 99_999 }],
    ['data port', { dataPort: -1 }],
    ['session', { session: '../../run/x' }],
    ['image', { image: '../../../etc/shadow' }],
  ])('a %s that cannot be ends its link and leaves nothing behind: %j', async (_what, changes) => {
    const node = await connectNode(golden.join);
    node.link.send(hello({ token: golden.join.token }, changes as Partial<Hello>));
    await expect(node.link.closed).resolves.toBe('message does not fit this protocol version');
    expect(names()).toEqual([]);
    expect(readdirSync(golden.directory).sort()).toEqual(['audit.jsonl', 'journal.jsonl']);
    expect(existsSync('/etc/logrotate.d/evil.log')).toBe(false);
    await expectOpenFor(MAC);
  });

  test("a copied MAC address takes nobody's place", async () => {
    const first = await expectOpenFor(MAC);
    const copy = await connectNode(golden.join);
    copy.link.send(hello({ token: golden.join.token }));
    await copy.link.closed;
    expect(copy.said('welcome')).toBeUndefined();
    expect(copy.said('eject')?.reason).toContain('is in this session already');
    await sleep(100);
    expect(first.said('eject')).toBeUndefined();
    expect(names()).toEqual(['machine waiting']);
  });

  test("a dead node's place is taken by whoever is admitted with its address, and by nobody else", async () => {
    const first = await expectOpenFor(MAC);
    await first.link.close();
    await eventually('it is lost', () => names().includes('machine lost'));
    const stranger = await connectNode(golden.join);
    stranger.link.send(hello({}));
    await eventually('a challenge', () => stranger.said('challenge') !== undefined);
    expect(stranger.said('welcome')).toBeUndefined();
    const same = await connectNode(golden.join);
    same.link.send(hello({ token: golden.join.token }));
    await eventually('the welcome', () => same.said('welcome') !== undefined);
    expect(same.said('welcome')?.node).toBe(1);
  });

  test('a node that is known again by its key does not get past the limit', async () => {
    const nodes = [];
    for (let number = 1; number <= 3; number += 1) {
      nodes.push(await expectOpenFor(`52:54:00:00:01:0${number}`));
    }
    await nodes[0]?.link.close();
    await eventually('it is lost', () => names().includes('machine lost'));
    await expectOpenFor('52:54:00:00:02:01');
    const back = await connectNode(golden.join, nodes[0]?.keys);
    back.link.send(hello({ token: golden.join.token }, {}, ['52:54:00:00:01:01']));
    await back.link.closed;
    expect(back.said('eject')?.reason).toContain('has all its 3 nodes');
  });
});

describe('what comes too much', () => {
  test('64 KiB is all that is read before a node is let in, in one piece or in many', async () => {
    const { host, port } = golden.join;
    const keys = await makeKeyPair();
    const options = { rejectUnauthorized: false, key: keys.key, cert: keys.cert };
    const large = new WebSocket(`wss://${host}:${port}/control`, options);
    await new Promise((resolve) => large.on('open', resolve));
    const closed = new Promise((resolve) => large.on('close', resolve));
    large.on('error', () => undefined);
    // A good hello in all else.
    large.send(JSON.stringify(hello({ token: golden.join.token })) + ' '.repeat(200_000));
    await closed;
    expect(names()).toEqual([]);

    const before = process.memoryUsage().rss;
    const pieces = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const socket = new WebSocket(`wss://${host}:${port}/control`, options);
        socket.on('error', () => undefined);
        await new Promise((resolve) => socket.on('open', resolve));
        return socket;
      }),
    );
    await Promise.all(
      pieces.map(async (socket) => {
        const gone = new Promise((resolve) => socket.on('close', resolve));
        for (let piece = 0; piece < 30 && socket.readyState === WebSocket.OPEN; piece += 1) {
          socket.send(Buffer.alloc(256 * 1024), { fin: false });
          await sleep(1);
        }
        await gone;
      }),
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    await expectOpenFor(MAC);
  }, 30_000);

  test('a node that floods is dropped, and the session goes on', async () => {
    const { host, port } = golden.join;
    const keys = await makeKeyPair();
    const options = { rejectUnauthorized: false, key: keys.key, cert: keys.cert };
    // Not over a node's own link: that sends no faster than it may.
    const node = new WebSocket(`wss://${host}:${port}/control`, options);
    node.on('error', () => undefined);
    const closed = new Promise((resolve) => node.on('close', resolve));
    await new Promise((resolve) => node.on('open', resolve));
    node.send(JSON.stringify(hello({ token: golden.join.token })));
    await new Promise((resolve) => node.once('message', resolve));
    for (let count = 0; count < 2000; count += 1) {
      node.send(JSON.stringify({ type: 'warning', message: 'noise' }));
    }
    await closed;
    await eventually('it is lost', () => names().includes('machine lost'));
    const journal = readFileSync(join(golden.directory, 'journal.jsonl'), 'utf8');
    expect(journal.split('\n').length).toBeLessThan(600);
    await expectOpenFor('52:54:00:00:00:02');
  });
});
