/** Datagrams of anybody, from any port, with any bytes. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { announce } from '../../golden/announcer.ts';
import { answerOthers } from '../../images/netboot/other-server.ts';
import { PORTS, PROTOCOL_VERSION } from '../../protocol/constants.ts';
import type { Offer } from '../../protocol/offer.ts';
import { rations } from '../../system/rations.ts';
import { run } from '../../system/run.ts';
import { eventually } from '../support/eventually.ts';

const QUERY = JSON.stringify({ ka: 'query' });

let over: AbortController;
let sockets: Socket[];
let errors: string[];
let nextPort = 46_100;

beforeEach(() => {
  over = new AbortController();
  sockets = [];
  errors = [];
});

afterEach(() => {
  over.abort();
  for (const socket of sockets) socket.close();
});

const offer = (): Offer => ({
  ka: 'offer',
  protocol: PROTOCOL_VERSION,
  session: 'lab',
  host: null,
  port: 30_765,
  fingerprint: 'a'.repeat(26),
  admit: 'secret',
  present: 0,
  wanted: 3,
  state: 'waiting',
});

const startAnnouncer = async (makeOffer = offer): Promise<number> => {
  const port = nextPort;
  nextPort += 1;
  const onError = ({ message }: Error) => errors.push(message);
  await announce({ port, address: '127.0.0.1', offer: makeOffer, signal: over.signal, onError });
  return port;
};

const startAnswerer = async (): Promise<number> => {
  await answerOthers('127.0.0.1', over.signal, ({ message }) => errors.push(message));
  return PORTS.boot;
};

/** A socket at this address, and how many answers it got. */
const asker = async (address: string) => {
  const socket = createSocket('udp4');
  sockets.push(socket);
  const heard = { socket, answers: 0 };
  socket.on('message', () => {
    heard.answers += 1;
  });
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return heard;
};

const send = (socket: Socket, bytes: Buffer | string, port: number): Promise<void> =>
  new Promise((resolve, reject) =>
    socket.send(bytes, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
  );

/** No ordinary socket sends from port 0: the datagram is made by hand. */
const sendFromPortZero = (text: string, port: number) =>
  run('python3', [
    '-c',
    `import socket, struct, sys
data = sys.argv[1].encode()
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
s.sendto(struct.pack("!HHHH", 0, int(sys.argv[2]), 8 + len(data), 0) + data, ("127.0.0.1", 0))`,
    text,
    String(port),
  ]);

describe.each([
  ['the announcer', () => startAnnouncer(), QUERY],
  ['ka pxe serve', startAnswerer, JSON.stringify({ ka: 'who-serves' })],
] as const)('%s', (_who, start, question) => {
  test('outlives a query from port 0', async () => {
    const port = await start();
    for (let time = 0; time < 3; time += 1) await sendFromPortZero(question, port);
    const { socket } = await asker('127.0.0.2');
    const answered = new Promise((resolve) => socket.once('message', resolve));
    await send(socket, question, port);
    await answered;
    expect(errors).toEqual([]);
  });

  test('outlives any bytes, and answers none', async () => {
    const port = await start();
    const stranger = await asker('127.0.0.2');
    const oddities = [
      '',
      'null',
      '[]',
      '{',
      '"query"',
      `${question.slice(0, -1)},"x":${'['.repeat(5e4)}`,
    ];
    for (const oddity of oddities) await send(stranger.socket, oddity, port);
    for (let time = 0; time < 200; time += 1) {
      await send(stranger.socket, randomBytes(1 + time * 7), port);
    }
    await send(stranger.socket, ' '.repeat(1000) + question, port);
    await sleep(100);
    expect(stranger.answers).toBe(0);
    const honest = await asker('127.0.0.3');
    await send(honest.socket, question, port);
    await eventually('an honest one is answered', () => honest.answers === 1);
  });

  test('answers a flood with a handful, and others meanwhile', async () => {
    const port = await start();
    const flooder = await asker('127.0.0.2');
    for (let time = 0; time < 500; time += 1) await send(flooder.socket, question, port);
    const honest = await asker('127.0.0.3');
    // Its first may be lost with the flood.
    await eventually('an honest one is answered', async () => {
      await send(honest.socket, question, port);
      return honest.answers > 0;
    });
    expect(flooder.answers).toBeGreaterThan(0);
    expect(flooder.answers).toBeLessThan(10);
  });
});

test('an offer that cannot be made is told, and the session goes on', async () => {
  let isBroken = true;
  const port = await startAnnouncer(() => {
    if (isBroken) throw new Error('no offer');
    return offer();
  });
  const { socket } = await asker('127.0.0.2');
  await send(socket, QUERY, port);
  await eventually('it is told', () => errors.includes('no offer'));
  isBroken = false;
  const answered = new Promise((resolve) => socket.once('message', resolve));
  await send(socket, QUERY, port);
  await answered;
});

test('addresses that are not their own get no more answers in all than a few', () => {
  const paces = { perAddress: { burst: 5, perSecond: 1 }, total: { burst: 50, perSecond: 20 } };
  const mayAnswer = rations(paces);
  let answers = 0;
  for (let number = 0; number < 100_000; number += 1) {
    if (mayAnswer(`10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`)) answers += 1;
  }
  expect(answers).toBeGreaterThanOrEqual(50);
  expect(answers).toBeLessThan(100);
});
