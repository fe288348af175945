/** Connections of strangers do not lock nodes out of the control port, and nodes that are in are not theirs to end. */
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import {
  connectNode,
  type GoldenSession,
  openSession,
  type TestNode,
} from '../support/golden-session.ts';
import { someHello } from '../support/hello.ts';

let golden: GoldenSession;
let sockets: Socket[];
beforeEach(async () => {
  golden = await openSession({ wanted: 3 });
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await golden[Symbol.asyncDispose]();
});

/** An address of this machine that no node has. */
const stranger = (number: number): string => `127.0.1.${number}`;

const callFrom = (localAddress: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const { host, port } = golden.join;
    const socket = connect({ host, port, localAddress }, resolve);
    socket.on('error', reject);
    socket.once('connect', () => socket.off('error', reject).on('error', () => socket.destroy()));
    sockets.push(socket);
  });

const enter = async (mac: string): Promise<TestNode> => {
  const node = await connectNode(golden.join);
  const hello = someHello({ target: 'directory' });
  node.link.send({
    ...hello,
    inventory: { ...hello.inventory, macs: [mac] },
    admission: { ...hello.admission, token: golden.join.token },
  });
  await eventually('the welcome', () => node.said('welcome') !== undefined);
  return node;
};

const open = () => sockets.filter(({ destroyed }) => !destroyed);

test('one address has eight connections that say nothing, and no more', async () => {
  for (let time = 0; time < 40; time += 1) await callFrom(stranger(1));
  await eventually('the others are ended', () => open().length === 8);
  await enter('52:54:00:00:00:01');
});

test('sixty addresses with eight each do not keep a node out, nor end one that is in', async () => {
  await enter('52:54:00:00:00:01');
  for (let from = 1; from <= 60; from += 1) {
    for (let time = 0; time < 8; time += 1) await callFrom(stranger(from));
  }
  // At once: what says nothing is ended after five seconds anyway.
  await eventually('there are no more than 256', () => open().length <= 256, 2000);
  await enter('52:54:00:00:00:02');
  const lost = golden.events.filter((event) => event.kind === 'node' && event.state === 'lost');
  expect(lost).toEqual([]);
});

test('who says yes before it says who it is holds no place', async () => {
  const eager = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const node = await connectNode(golden.join);
      node.link.send({ type: 'agree' });
      return node;
    }),
  );
  const ends = await Promise.all(eager.map(({ link }) => link.closed));
  expect(new Set(ends)).toEqual(new Set(['message does not fit this protocol version']));
  await enter('52:54:00:00:00:01');
});
