import { describe, expect, test } from '@jest/globals';
import {
  AckReader,
  AckWriter,
  ANSWER_BYTES,
  decodeAnswer,
  decodeGet,
  decodeHello,
  encodeAnswer,
  encodeGet,
  encodeHello,
  GET_BYTES,
  HELLO_BYTES,
  provesGet,
} from '../../protocol/link.ts';

const key = Buffer.alloc(32, 1);
const hello = Buffer.alloc(16, 2);
const own = Buffer.alloc(16, 3);
const other = (like: Buffer): Buffer => Buffer.alloc(like.length, 9);
const get = { pass: 1, epoch: 2, node: 3, position: 2 ** 45 + 7 };
const asked = encodeGet(key, hello, own, get);
const damaged = expect.objectContaining({ code: 'LinkDamaged' });

/** Each single byte of it changed, one after the other. */
const changes = function* (bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 0x40;
    yield changed;
  }
};

describe('the handshake', () => {
  test('reads back as it was written, at the documented sizes', () => {
    const said = encodeHello(hello);
    expect(said).toHaveLength(HELLO_BYTES);
    expect(decodeHello(said)).toEqual(hello);
    expect(asked).toHaveLength(GET_BYTES);
    expect(decodeGet(asked)).toEqual(get);
    expect(provesGet(key, hello, asked)).toBe(true);
    for (const status of ['ok', 'gone'] as const) {
      const answer = encodeAnswer(key, hello, asked, { status, position: 2 ** 50 });
      expect(answer).toHaveLength(ANSWER_BYTES);
      expect(decodeAnswer(key, hello, asked, answer)).toEqual({ status, position: 2 ** 50 });
    }
  });

  test('a request for another link or connection, or changed in any byte, proves nothing', () => {
    expect(provesGet(other(key), hello, asked)).toBe(false);
    expect(provesGet(key, other(hello), asked)).toBe(false);
    for (const changed of changes(asked)) expect(provesGet(key, hello, changed)).toBe(false);
  });

  test('an answer to another request or connection, or changed in any byte, proves nothing', () => {
    const answer = encodeAnswer(key, hello, asked, { status: 'ok', position: 5 });
    const again = encodeGet(key, hello, other(own), get);
    expect(decodeAnswer(other(key), hello, asked, answer)).toBeNull();
    expect(decodeAnswer(key, other(hello), asked, answer)).toBeNull();
    expect(decodeAnswer(key, hello, again, answer)).toBeNull();
    for (const changed of changes(answer)) {
      // What does not even look like an answer is told apart.
      if (changed.subarray(0, 4).equals(answer.subarray(0, 4))) {
        expect(decodeAnswer(key, hello, asked, changed)).toBeNull();
      } else {
        expect(() => decodeAnswer(key, hello, asked, changed)).toThrow(damaged);
      }
    }
  });

  test('bytes of something else are refused', () => {
    const http = Buffer.from(
      'GET / HTTP/1.1\r\nHost: somewhere\r\nAccept: text/html, text/plain, x\r\n\r\n',
    );
    expect(() => decodeHello(http)).toThrow(damaged);
    expect(() => decodeGet(http)).toThrow(damaged);
    expect(() => decodeAnswer(key, hello, asked, http)).toThrow(damaged);
  });
});

describe('acknowledgements', () => {
  const reader = () => new AckReader(key, hello, asked);
  const written = (...positions: number[][]): Buffer[] => {
    const writer = new AckWriter(key, hello, asked);
    return positions.map((some) => writer.encode(some));
  };

  test('the last whole one counts and the rest is kept, however they are cut', () => {
    const bytes = Buffer.concat(written([1, 2, 3], [2 ** 40, 5], [9]));
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const acks = reader();
      const first = acks.decode(bytes.subarray(0, cut));
      const second = acks.decode(Buffer.concat([first.rest, bytes.subarray(cut)]));
      expect(second.last ?? first.last).toEqual([9]);
      expect(second.rest).toHaveLength(0);
    }
    expect(reader().decode(bytes.subarray(0, -1)).last).toEqual([2 ** 40, 5]);
  });

  test('one without a position is refused', () => {
    expect(() => reader().decode(Buffer.alloc(1))).toThrow(damaged);
  });

  test('one of another key, connection or request is refused', () => {
    const [said = Buffer.alloc(0)] = written([7]);
    const again = encodeGet(key, hello, other(own), get);
    const readers = [
      new AckReader(other(key), hello, asked),
      new AckReader(key, other(hello), asked),
      new AckReader(key, hello, again),
    ];
    for (const wrong of readers) expect(() => wrong.decode(said)).toThrow(damaged);
    expect(reader().decode(said).last).toEqual([7]);
  });

  test('one that is changed, said again, left out or out of order is refused', () => {
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = written([1], [2]);
    const wrong = [[second], [first, first], [first, second, first], [first, second, second]];
    for (const order of wrong) {
      expect(() => reader().decode(Buffer.concat(order))).toThrow(damaged);
    }
    // A changed count makes it longer: then its end is waited for.
    const changed = Buffer.from(first);
    changed[8] = 5;
    expect(() => reader().decode(changed)).toThrow(damaged);
  });
});
