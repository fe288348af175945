/** What is sent without being copied, through real sockets. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Ring } from '../../relay/ring.ts';
import { RingSender } from '../../relay/ring-sender.ts';
import { descriptorOf } from '../../system/socket-options.ts';
import { connectedSockets } from '../support/connected-sockets.ts';
import { eventually } from '../support/eventually.ts';

const MIB = 1024 * 1024;
const greeting = Buffer.from('greeting');
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** The two ends of a connection; the reader does not read yet. */
const connection = async (): Promise<{ writer: Socket; reader: Socket }> => {
  const { dialled: writer, accepted: reader, close } = await connectedSockets();
  cleanups.push(close);
  return { writer, reader };
};

/** A ring of 16 MiB holding `bytes` of noise, all verified. */
const filledRing = (bytes: number): { ring: Ring; content: Buffer } => {
  const ring = new Ring(16 * MIB);
  const content = randomBytes(bytes);
  ring.append(content);
  ring.verify(bytes);
  return { ring, content };
};

const collect = (reader: Duplex): { chunks: Buffer[]; bytes(): number } => {
  const chunks: Buffer[] = [];
  reader.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
  return { chunks, bytes: () => chunks.reduce((sum, { length }) => sum + length, 0) };
};

describe('a sender of a ring', () => {
  test('works on the descriptor of a socket, which this Node gives', async () => {
    const { writer } = await connection();
    expect(descriptorOf(writer)).toBeGreaterThan(2);
    writer.destroy();
    expect(descriptorOf(writer)).toBeNull();
  });

  test('sends everything in order to a reader that is slower, from wherever it is asked', async () => {
    const { writer, reader } = await connection();
    const { ring, content } = filledRing(15 * MIB + 4321);
    const from = 777;
    const sender = new RingSender(writer, ring, greeting, from);
    await eventually('the socket is full', () => sender.sent > from);
    await sleep(50);
    expect(sender.sent).toBeLessThan(content.length);
    const got = collect(reader);
    // Odd pauses leave the socket full in the middle of pages, up to the very last bytes.
    while (got.bytes() < greeting.length + content.length - from) {
      reader.resume();
      await sleep(1);
      reader.pause();
      await sleep(3);
    }
    expect(sender.sent).toBe(content.length);
    const expected = Buffer.concat([greeting, content.subarray(from)]);
    expect(Buffer.concat(got.chunks).equals(expected)).toBe(true);
    sender.close();
  });

  test('copies what it sends where pages cannot be handed over', async () => {
    // No socket of the system's: there is no descriptor to hand pages to.
    const [near, far] = duplexPair();
    const { ring, content } = filledRing(15 * MIB + 4321);
    const got = collect(far);
    const sender = new RingSender(near, ring, greeting, 777);
    await eventually('all is here', () => got.bytes() === greeting.length + content.length - 777);
    expect(Buffer.concat(got.chunks).equals(Buffer.concat([greeting, content.subarray(777)]))).toBe(
      true,
    );
    expect(sender.sent).toBe(content.length);
    sender.close();
    expect(near.destroyed).toBe(true);
  });

  test('sends what is verified later only when it is told', async () => {
    const { writer, reader } = await connection();
    const { ring } = filledRing(100);
    const sender = new RingSender(writer, ring, greeting, 0);
    const got = collect(reader);
    reader.resume();
    await eventually('the first bytes are here', () => got.bytes() === greeting.length + 100);
    ring.append(Buffer.from('more'));
    sender.pump();
    ring.verify(104);
    sender.pump();
    await eventually('the others too', () => got.bytes() === greeting.length + 104);
    expect(Buffer.concat(got.chunks).subarray(-4).toString()).toBe('more');
    sender.close();
  });

  test('takes back what has not left when it is closed, so that its memory can be used again', async () => {
    const { writer, reader } = await connection();
    const { ring } = filledRing(15 * MIB);
    const sender = new RingSender(writer, ring, greeting, 0);
    await eventually('the socket is full', () => sender.sent > 0);
    await sleep(50);
    const error = once(reader, 'error');
    sender.close();
    const got = collect(reader);
    reader.resume();
    await expect(error).resolves.toMatchObject([{ code: 'ECONNRESET' }]);
    expect(got.bytes()).toBeLessThan(sender.sent);
  });

  test('closes a socket whose peer has just ended, too', async () => {
    const { writer, reader } = await connection();
    const { ring } = filledRing(100);
    const sender = new RingSender(writer, ring, greeting, 0);
    await eventually('all is sent', () => sender.sent === 100);
    writer.resume();
    const closed = once(writer, 'close');
    const ended = once(writer, 'end');
    reader.end();
    await ended;
    // Node is about to end its own side now.
    sender.close();
    await closed;
    expect(descriptorOf(writer)).toBeNull();
  });

  test('survives a peer that goes away while it sends', async () => {
    const { writer, reader } = await connection();
    const { ring } = filledRing(15 * MIB);
    const sender = new RingSender(writer, ring, greeting, 0);
    const failed = new Promise<Error>((resolve) => writer.once('error', resolve));
    await eventually('the socket is full', () => sender.sent > 0);
    reader.resetAndDestroy();
    expect(await failed).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });
    sender.pump();
    sender.close();
  });

  test('writes nothing more to a peer that was gone before the first byte', async () => {
    const { writer, reader } = await connection();
    const { ring } = filledRing(15 * MIB);
    const failed = once(writer, 'error');
    // Nothing is awaited in between: the socket fails while it is written to.
    reader.resetAndDestroy();
    const sender = new RingSender(writer, ring, greeting, 0);
    await expect(failed).resolves.toMatchObject([
      { code: expect.stringMatching(/ECONNRESET|EPIPE/) },
    ]);
    expect(writer.writableLength).toBe(0);
    sender.close();
  });
});
