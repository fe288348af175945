import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { type AesGcm, aesGcm, nodeAesGcm, opensslAesGcm } from '../../system/aes-gcm.ts';

const openssl = (key: Buffer): AesGcm => {
  const cipher = opensslAesGcm(key);
  if (cipher === null) throw new Error('this Node does not give OpenSSL');
  return cipher;
};

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const feff = 'feffe9928665731c6d6a8f9467308308';
const d931 =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
  '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255';
const sealed =
  '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e' +
  '21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985';
const cafe = 'cafebabefacedbaddecaf888';

/** Test cases 1 to 4 of McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B. */
const published = [
  { key: '00'.repeat(16), nonce: '00'.repeat(12), tag: '58e2fccefa7e3061367f1d57a4e7455a' },
  {
    key: '00'.repeat(16),
    nonce: '00'.repeat(12),
    clear: '00'.repeat(16),
    cipher: '0388dace60b6a392f328c2b971b2fe78',
    tag: 'ab6e47d42cec13bdf53a67b21257bddf',
  },
  { key: feff, nonce: cafe, clear: d931, cipher: sealed, tag: '4d5c2af327cd64a62cf35abd2ba6fab4' },
  {
    key: feff,
    nonce: cafe,
    header: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    clear: d931.slice(0, 120),
    cipher: sealed.slice(0, 120),
    tag: '5bc94fbc3221a5db94fae95ae7121a47',
  },
].map(({ key, nonce, header = '', clear = '', cipher = '', tag }) => ({
  key: hex(key),
  sealing: { nonce: hex(nonce), header: hex(header) },
  clear: hex(clear),
  cipher: hex(cipher),
  tag: hex(tag),
}));

/** Cut at these places. */
const cut = (bytes: Buffer, ...places: number[]): Buffer[] =>
  [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));

const room = (pieces: readonly Buffer[]): Buffer =>
  Buffer.alloc(pieces.reduce((sum, { length }) => sum + length, 0));

const clearOf = (gcm: AesGcm, nonce: Buffer, pieces: readonly Buffer[]): Buffer => {
  const target = room(pieces);
  gcm.decrypt(nonce, pieces, target);
  return target;
};

describe.each([
  ['OpenSSL', openssl],
  ['node:crypto', nodeAesGcm],
])('AES-128-GCM by %s', (_name, make) => {
  test.each(published)('does as published: tag $tag', ({ key, sealing, clear, cipher, tag }) => {
    const gcm = make(key);
    for (const places of [[], [1], [16, 17]]) {
      const memory = Buffer.from(clear);
      expect(gcm.seal(sealing, cut(memory, ...places))).toEqual(tag);
      expect(memory).toEqual(cipher);
      const pieces = cut(memory, ...places);
      expect(gcm.verifies(sealing, pieces, tag, null)).toBe(true);
      const target = room(pieces);
      expect(gcm.verifies(sealing, pieces, tag, target)).toBe(true);
      expect(target).toEqual(clear);
      expect(memory).toEqual(cipher);
      expect(clearOf(gcm, sealing.nonce, pieces)).toEqual(clear);
    }
    gcm.close();
  });

  test('finds every single changed byte of message, header, nonce and tag', () => {
    const gcm = make(randomBytes(16));
    const message = randomBytes(100);
    const sealing = { nonce: randomBytes(12), header: randomBytes(28) };
    const tag = gcm.seal(sealing, [message]);
    for (const part of [message, sealing.header, sealing.nonce, tag]) {
      for (let at = 0; at < part.length; at += 1) {
        part[at] = (part[at] ?? 0) ^ 1;
        expect(gcm.verifies(sealing, [message], tag, null)).toBe(false);
        expect(gcm.verifies(sealing, [message], tag, room([message]))).toBe(false);
        part[at] = (part[at] ?? 0) ^ 1;
      }
    }
    expect(gcm.verifies(sealing, [message.subarray(1)], tag, null)).toBe(false);
    expect(gcm.verifies(sealing, [message], tag, null)).toBe(true);
    gcm.close();
  });

  test('works on shared memory, and one message does not disturb the next', () => {
    const gcm = make(randomBytes(16));
    const ring = Buffer.from(new SharedArrayBuffer(1024 * 1024));
    const clear = randomBytes(3 * 1000);
    clear.copy(ring, 77);
    const messages = [0, 1, 2].map((number) => {
      const sealing = { nonce: Buffer.alloc(12, number), header: Buffer.alloc(28, number) };
      const message = ring.subarray(77 + number * 1000, 77 + (number + 1) * 1000);
      return { sealing, message, tag: gcm.seal(sealing, [message]) };
    });
    for (const { sealing, message, tag } of messages.toReversed()) {
      expect(gcm.verifies(sealing, [message], Buffer.alloc(16), null)).toBe(false);
      expect(gcm.verifies(sealing, [message], tag, null)).toBe(true);
    }
    const back = messages.map(({ sealing, message }) => clearOf(gcm, sealing.nonce, [message]));
    expect(Buffer.concat(back)).toEqual(clear);
    expect(ring.subarray(77, 77 + 3000)).not.toEqual(clear);
    gcm.close();
  });
});

test('both do the same with long messages in odd pieces', () => {
  const key = randomBytes(16);
  const makers = [openssl, nodeAesGcm, aesGcm];
  const clear = randomBytes(3_000_017);
  const sealing = { nonce: randomBytes(12), header: randomBytes(28) };
  const places = [5, 262_144, 262_150, 2_000_001];
  const results = makers.map((make) => {
    const gcm = make(key);
    const memory = Buffer.from(clear);
    return { gcm, memory, tag: gcm.seal(sealing, cut(memory, ...places)) };
  });
  for (const { gcm, memory, tag } of results) {
    expect(memory.equals(results[0]?.memory ?? Buffer.alloc(0))).toBe(true);
    expect(tag).toEqual(results[0]?.tag);
    expect(gcm.verifies(sealing, cut(memory, 999_999), tag, null)).toBe(true);
    expect(clearOf(gcm, sealing.nonce, cut(memory, ...places)).equals(clear)).toBe(true);
    gcm.close();
  }
});

test('nothing is done with a cipher that was closed', () => {
  const gcm = openssl(Buffer.alloc(16));
  gcm.close();
  gcm.close();
  expect(() => gcm.decrypt(Buffer.alloc(12), [], Buffer.alloc(0))).toThrow(
    expect.objectContaining({ code: 'CipherFault' }),
  );
});

test('a key of another length, and memory too small for the result, are refused', () => {
  expect(() => aesGcm(Buffer.alloc(32))).toThrow(RangeError);
  for (const gcm of [openssl(Buffer.alloc(16)), nodeAesGcm(Buffer.alloc(16))]) {
    const nonce = Buffer.alloc(12);
    const pieces = [Buffer.alloc(5), Buffer.alloc(5)];
    expect(() => gcm.decrypt(nonce, pieces, Buffer.alloc(9))).toThrow(RangeError);
    expect(() =>
      gcm.verifies({ nonce, header: nonce }, pieces, Buffer.alloc(16), Buffer.alloc(9)),
    ).toThrow(RangeError);
    gcm.close();
  }
});
