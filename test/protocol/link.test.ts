import { describe, expect, test } from '@jest/globals';
import {
  ANSWER_BYTES,
  decodeAcks,
  decodeAnswer,
  decodeGet,
  decodeHello,
  encodeAck,
  encodeAnswer,
  encodeGet,
  encodeHello,
  GET_BYTES,
  HELLO_BYTES,
} from '../../protocol/link.ts';

const key = Buffer.alloc(16, 1);
const challenge = Buffer.alloc(16, 2);
const get = { pass: 1, epoch: 2, node: 3, position: 2 ** 45 + 7 };

describe('the handshake', () => {
  test('reads back as it was written, at the documented sizes', () => {
    const hello = encodeHello(challenge);
    expect(hello).toHaveLength(HELLO_BYTES);
    expect(decodeHello(hello)).toEqual(challenge);
    const asked = encodeGet(key, challenge, get);
    expect(asked).toHaveLength(GET_BYTES);
    expect(decodeGet(key, challenge, asked)).toEqual(get);
    for (const status of ['ok', 'gone', 'stale', 'refused'] as const) {
      const answer = encodeAnswer({ status, position: 2 ** 50 });
      expect(answer).toHaveLength(ANSWER_BYTES);
      expect(decodeAnswer(answer)).toEqual({ status, position: 2 ** 50 });
    }
  });

  test('a proof for another key, challenge or request is not taken', () => {
    const asked = encodeGet(key, challenge, get);
    expect(decodeGet(Buffer.alloc(16, 9), challenge, asked)).toBeNull();
    expect(decodeGet(key, Buffer.alloc(16, 9), asked)).toBeNull();
    asked[20] = 1;
    expect(decodeGet(key, challenge, asked)).toBeNull();
  });

  test('bytes of something else are refused', () => {
    const http = Buffer.from('GET / HTTP/1.1\r\nHost: somewhere\r\nAccept: text/html, x\r\n\r\n');
    const code = { code: 'LinkDamaged' };
    expect(() => decodeHello(http)).toThrow(expect.objectContaining(code));
    expect(() => decodeGet(key, challenge, http)).toThrow(expect.objectContaining(code));
    expect(() => decodeAnswer(http)).toThrow(expect.objectContaining(code));
  });
});

describe('acknowledgements', () => {
  test('the last whole one counts and the rest is kept', () => {
    const bytes = Buffer.concat([encodeAck([1, 2, 3]), encodeAck([2 ** 40, 5]), encodeAck([9])]);
    const { last, rest } = decodeAcks(bytes.subarray(0, bytes.length - 1));
    expect(last).toEqual([2 ** 40, 5]);
    expect(rest).toHaveLength(8);
    expect(decodeAcks(rest)).toEqual({ last: null, rest });
  });

  test('one without a position is refused', () => {
    expect(() => decodeAcks(Buffer.alloc(1))).toThrow(
      expect.objectContaining({ code: 'LinkDamaged' }),
    );
  });
});
