import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { GoldenLink } from '../../client-agent/golden-link.ts';
import { startControlServer } from '../../golden/control-server.ts';
import { NodeLink } from '../../golden/node-link.ts';
import { type AnyHello, HELLO_MS, type KnockMessage } from '../../protocol/admission.ts';
import type { NodeMessage } from '../../protocol/control.ts';
import { type GoldenKeys, goldenKeys } from '../../trust/golden-keys.ts';
import { type KeyPair, makeKeyPair } from '../../trust/key-pair.ts';
import { eventually } from '../support/eventually.ts';
import { someHello } from '../support/hello.ts';

const HOST = '127.0.0.1';
const step: NodeMessage = { type: 'step', step: 'format', state: 'start' };

let directory: string;
let over: AbortController;
let keys: GoldenKeys;
let nodeKeys: KeyPair;
let port: number;
let knocks: (KnockMessage | AnyHello)[];
let heard: NodeMessage[];
let closed: string[];
let links: NodeLink[];
/** What is done with each new link. */
let onLink: (link: NodeLink) => void;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ka-control-'));
  process.env.KA_STATE_DIR = directory;
  over = new AbortController();
  [knocks, heard, links] = [[], [], []];
  onLink = (link) => link.admit();
  // Of this test only: links of the one before may still close.
  const reasons: string[] = [];
  closed = reasons;
  keys = await goldenKeys();
  nodeKeys = await makeKeyPair();
  port = await startControlServer({
    keys,
    host: HOST,
    port: 0,
    onControl: (connection) => {
      const link = new NodeLink(connection, {
        knock: (message) => knocks.push(message),
        message: (message) => heard.push(message),
        closed: (why) => reasons.push(why),
      });
      links.push(link);
      onLink(link);
    },
    onSettle: (channel, _token, { identity }) => {
      channel.end(`settle ${identity?.pin}`);
      return true;
    },
    say: () => undefined,
    signal: over.signal,
  });
});

afterEach(() => {
  over.abort();
  delete process.env.KA_STATE_DIR;
  rmSync(directory, { recursive: true });
});

const address = (pin?: string) => ({
  host: HOST,
  port,
  pin,
  keys: nodeKeys,
  localAddress: '127.0.0.7',
});

/** A connection that says what it likes. */
const openRaw = async (options: object = {}): Promise<WebSocket> => {
  const socket = new WebSocket(`wss://${HOST}:${port}/control`, {
    rejectUnauthorized: false,
    key: nodeKeys.key,
    cert: nodeKeys.cert,
    ...options,
  });
  await once(socket, 'open');
  return socket;
};

describe('the control link', () => {
  test('carries checked messages both ways, and the golden sees who a node is and where it comes from', async () => {
    const link = await GoldenLink.connect(address(keys.pin));
    const answers: string[] = [];
    link.listen((message) => answers.push(message.type));
    link.send(step);
    await eventually('a message', () => heard.length > 0);
    expect(heard).toEqual([step]);
    expect(links[0]?.peer.address).toBe('127.0.0.7');
    expect(links[0]?.peer.identity?.pin).toBe(nodeKeys.pin);
    expect(link.pin).toBe(keys.pin);
    links[0]?.send({ type: 'waiting', present: 1, wanted: 2 });
    await eventually('an answer', () => answers.length > 0);
    expect(answers).toEqual(['waiting']);
    await link.close();
    await eventually('the end', () => closed.length > 0);
  });

  test('a node that was told another golden refuses, before it says a byte', async () => {
    await expect(GoldenLink.connect(address('a'.repeat(26)))).rejects.toMatchObject({
      code: 'WrongGolden',
      message: expect.stringContaining('has another key'),
    });
    expect(links).toEqual([]);
  });

  test('a message that does not fit ends that link only', async () => {
    const good = await GoldenLink.connect(address());
    const bad = await openRaw();
    bad.send('{"type":"step","state":"maybe"}');
    const [code] = await once(bad, 'close');
    expect(code).toBe(4000);
    expect(closed).toEqual(['message does not fit this protocol version']);
    good.send(step);
    await eventually('a message', () => heard.length > 0);
    await good.close();
  });

  test('until it is let in nothing of a node is heard but what lets it in', async () => {
    onLink = () => undefined;
    const link = await GoldenLink.connect(address());
    link.send(someHello());
    link.send(step);
    await expect(link.closed).resolves.toBe('message does not fit this protocol version');
    expect(knocks.map(({ type }) => type)).toEqual(['hello']);
    expect(heard).toEqual([]);
  });

  test('of a node of another version only the version is read', async () => {
    onLink = () => undefined;
    const old = await openRaw({ key: undefined, cert: undefined });
    old.send(JSON.stringify({ type: 'hello', protocol: 2, name: 'whatever', key: 'k' }));
    await eventually('its hello', () => knocks.length > 0);
    expect(knocks).toEqual([{ type: 'hello', protocol: 2 }]);
    expect(links[0]?.peer.identity).toBeNull();
    old.close();
  });

  test('a node that does not say who it is in time is dropped', async () => {
    onLink = () => undefined;
    const silent = await openRaw();
    const sinceMs = Date.now();
    await once(silent, 'close');
    expect(closed).toEqual(['it did not say who it is']);
    expect(Date.now() - sinceMs).toBeLessThan(HELLO_MS + 1500);
  });

  test('a node that answers no heartbeat is given up after three', async () => {
    const hung = await openRaw({ autoPong: false });
    await once(hung, 'close');
    expect(closed).toEqual(['no heartbeat for 3 s']);
  });

  test('a settle channel is a plain stream, proved by the same key', async () => {
    const link = await GoldenLink.connect(address());
    const channel = await link.openSettleChannel('token');
    const chunks: Buffer[] = [];
    for await (const chunk of channel) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(`settle ${nodeKeys.pin}`);
    await link.close();
  });

  test('TLS below 1.3 is not spoken', async () => {
    const old = connect({ host: HOST, port, rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
    const [error] = await once(old, 'error');
    expect(String(error)).toMatch(/protocol version|alert|reset/i);
  });

  test('nobody there is said with the address', async () => {
    const nowhere = GoldenLink.connect({ ...address(), port: 1 });
    await expect(nowhere).rejects.toMatchObject({
      code: 'GoldenUnreachable',
      message: expect.stringContaining('127.0.0.1:1'),
    });
  });

  test('a port that is taken is named', async () => {
    const second = startControlServer({
      keys,
      host: HOST,
      port,
      onControl: () => undefined,
      onSettle: () => false,
      say: () => undefined,
      signal: over.signal,
    });
    await expect(second).rejects.toMatchObject({ code: 'PortTaken' });
  });
});
