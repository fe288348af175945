import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { LowWater } from '../../system/socket-options.ts';
import { connectedSockets } from '../support/connected-sockets.ts';
import { eventually } from '../support/eventually.ts';

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Lengths of what the reader was woken for, and the other end. */
const connection = async (): Promise<{ reader: Socket; writer: Socket; woken: number[] }> => {
  const { dialled: reader, accepted: writer, close } = await connectedSockets();
  cleanups.push(close);
  const woken: number[] = [];
  reader.on('data', (bytes) => woken.push(bytes.length));
  return { reader, writer, woken };
};

test('a reader is woken when as much is there as it waits for', async () => {
  const { reader, writer, woken } = await connection();
  const lowWater = new LowWater(reader);
  lowWater.set(1000);
  writer.write(Buffer.alloc(400));
  await sleep(50);
  writer.write(Buffer.alloc(599));
  await sleep(50);
  expect(woken).toEqual([]);
  writer.write(Buffer.alloc(1));
  await eventually('all of it is read', () => woken.length > 0);
  expect(woken).toEqual([1000]);
});

test('what is there is read as soon as less is waited for', async () => {
  const { reader, writer, woken } = await connection();
  const lowWater = new LowWater(reader);
  lowWater.set(1000);
  writer.write(Buffer.alloc(400));
  await sleep(50);
  lowWater.set(1);
  await eventually('it is read', () => woken.length > 0);
  expect(woken).toEqual([400]);
});

test('the end wakes at once, with what came before it', async () => {
  const { reader, writer, woken } = await connection();
  new LowWater(reader).set(1_000_000);
  const ended = once(reader, 'end');
  writer.end(Buffer.alloc(400));
  await ended;
  expect(woken).toEqual([400]);
});

test('a socket that is gone is left alone', async () => {
  const { reader } = await connection();
  const lowWater = new LowWater(reader);
  reader.destroy();
  expect(() => lowWater.set(1000)).not.toThrow();
});
