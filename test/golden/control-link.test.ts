import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { GoldenLink } from '../../client-agent/golden-link.ts';
import { type Certificate, goldenCertificate } from '../../golden/certificate.ts';
import { startControlServer } from '../../golden/control-server.ts';
import { NodeLink } from '../../golden/node-link.ts';
import type { NodeMessage } from '../../protocol/control.ts';

const HOST = '127.0.0.1';
const step: NodeMessage = { type: 'step', step: 'format', state: 'start' };

let directory: string;
let over: AbortController;
let certificate: Certificate;
let port: number;
let heard: NodeMessage[];
let closed: string[];
let links: NodeLink[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ka-control-'));
  process.env.KA_STATE_DIR = directory;
  over = new AbortController();
  [heard, links] = [[], []];
  // Of this test only: links of the one before may still close.
  const reasons: string[] = [];
  closed = reasons;
  certificate = await goldenCertificate(over.signal);
  port = await startControlServer({
    certificate,
    host: HOST,
    port: 0,
    onControl: (socket, address) => {
      const link = new NodeLink(socket, address, {
        message: (message) => heard.push(message),
        closed: (why) => reasons.push(why),
      });
      links.push(link);
    },
    onSettle: (channel) => channel.end('settle'),
    signal: over.signal,
  });
});

afterEach(() => {
  over.abort();
  delete process.env.KA_STATE_DIR;
  rmSync(directory, { recursive: true });
});

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
};

const address = (fingerprint?: string) => ({
  host: HOST,
  port,
  fingerprint,
  localAddress: '127.0.0.7',
});

describe('the control link', () => {
  test('carries checked messages both ways, and the golden sees where a node comes from', async () => {
    const link = await GoldenLink.connect(address(certificate.fingerprint));
    const answers: string[] = [];
    link.listen((message) => answers.push(message.type));
    link.send(step);
    await until(() => heard.length > 0);
    expect(heard).toEqual([step]);
    expect(links[0]?.address).toBe('127.0.0.7');
    links[0]?.send({ type: 'waiting', present: 1, wanted: 2 });
    await until(() => answers.length > 0);
    expect(answers).toEqual(['waiting']);
    await link.close();
    await until(() => closed.length > 0);
  });

  test('the key is made once and read again', async () => {
    const again = await goldenCertificate(over.signal);
    expect(again.fingerprint).toBe(certificate.fingerprint);
  });

  test('a node booted for another golden refuses, by name', async () => {
    await expect(GoldenLink.connect(address('AA:BB'))).rejects.toMatchObject({
      code: 'WrongGolden',
      message: expect.stringContaining('has another key'),
    });
  });

  test('a message that does not fit ends that link only', async () => {
    const good = await GoldenLink.connect(address());
    const bad = new WebSocket(`wss://${HOST}:${port}/control`, { rejectUnauthorized: false });
    await once(bad, 'open');
    bad.send('{"type":"step","state":"maybe"}');
    const [code] = await once(bad, 'close');
    expect(code).toBe(4000);
    expect(closed).toEqual(['message does not fit this protocol version']);
    good.send(step);
    await until(() => heard.length > 0);
    await good.close();
  });

  test('a node that answers no heartbeat is given up after three', async () => {
    const hung = new WebSocket(`wss://${HOST}:${port}/control`, {
      rejectUnauthorized: false,
      autoPong: false,
    });
    await once(hung, 'open');
    await once(hung, 'close');
    expect(closed).toEqual(['no heartbeat for 3 s']);
  });

  test('a settle channel is a plain stream', async () => {
    const link = await GoldenLink.connect(address());
    const channel = await link.openSettleChannel('token');
    const chunks: Buffer[] = [];
    for await (const chunk of channel) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('settle');
    await link.close();
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
      certificate,
      host: HOST,
      port,
      onControl: () => undefined,
      onSettle: () => undefined,
      signal: over.signal,
    });
    await expect(second).rejects.toMatchObject({ code: 'PortTaken' });
  });
});
