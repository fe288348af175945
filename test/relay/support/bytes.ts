/** Bytes that are the same for the same seed and differ everywhere else. */
import { createCipheriv, createHash } from 'node:crypto';
import { type ByteSource, chunkSource } from '../../../relay/byte-source.ts';
import type { Received } from './chain.ts';

const CHUNK_BYTES = 60_001;

const keystream = (seed: number) => {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(seed, 0);
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), iv);
};

export function* chunks(seed: number, bytes: number): Generator<Buffer> {
  const cipher = keystream(seed);
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
    yield cipher.update(Buffer.alloc(Math.min(left, CHUNK_BYTES)));
  }
}

export const someBytes = (seed: number, bytes: number): ByteSource =>
  chunkSource(chunks(seed, bytes));

export const expected = (seed: number, bytes: number): Received => {
  const hash = createHash('sha256');
  for (const chunk of chunks(seed, bytes)) hash.update(chunk);
  return { bytes, sha256: hash.digest('hex') };
};
