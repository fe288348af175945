/** What is done to frames so that nobody but members of the pass can read, or make, one. */
import { timingSafeEqual } from 'node:crypto';
import { MAX_PAYLOAD_BYTES } from '../protocol/constants.ts';
import { FRAME_KEY_BYTES, frameKey, frameTag } from '../protocol/frame.ts';
import { frameNonce } from '../protocol/frame-nonce.ts';
import type { Network } from '../protocol/network.ts';
import { aesGcm } from '../system/aes-gcm.ts';
import { SEALED_FRAME_BYTES } from './tuning.ts';

/** `signed` is the first 28 bytes of a frame's header, `payload` its pieces as they are in the ring. */
export interface FrameCipher {
  /** The golden: makes the payload what goes on the wire, where it lies. Returns the tag (16 bytes). */
  seal(position: number, signed: Buffer, payload: readonly Buffer[]): Buffer;
  /** Whether what is on the wire is not encrypted. */
  readonly inClear: boolean;
  /** Largest payload it is made for. */
  readonly maxPayloadBytes: number;
  /** Whether a frame has this tag. Decrypts it to `target` meanwhile, which is worth nothing if not. */
  verifies(
    position: number,
    signed: Buffer,
    payload: readonly Buffer[],
    tag: Buffer,
    target: Buffer | null,
  ): boolean;
  /** Decrypts a payload that was verified to the start of `target`. */
  decrypt(position: number, payload: readonly Buffer[], target: Buffer): void;
  /** Forgets the key; nothing else may be called after it. */
  close(): void;
}

const openCipher = (key: Buffer, pass: number): FrameCipher => {
  const gcm = aesGcm(key);
  const sealing = (position: number, signed: Buffer) => ({
    nonce: frameNonce(pass, position),
    header: signed,
  });
  return {
    inClear: false,
    maxPayloadBytes: SEALED_FRAME_BYTES,
    seal: (position, signed, payload) => gcm.seal(sealing(position, signed), payload),
    verifies: (position, signed, payload, tag, target) =>
      gcm.verifies(sealing(position, signed), payload, tag, target),
    decrypt: (position, payload, target) =>
      gcm.decrypt(frameNonce(pass, position), payload, target),
    close: () => gcm.close(),
  };
};

const trustedCipher = (keyBytes: Buffer, pass: number): FrameCipher => {
  const key = frameKey(keyBytes);
  return {
    inClear: true,
    maxPayloadBytes: MAX_PAYLOAD_BYTES,
    seal: (position, signed, payload) => frameTag(key, pass, position, signed, payload),
    verifies: (position, signed, payload, tag) =>
      timingSafeEqual(frameTag(key, pass, position, signed, payload), tag),
    decrypt: (_position, payload, target) => {
      Buffer.concat(payload).copy(target);
    },
    close: () => undefined,
  };
};

/** `key` is that of the pass, 16 bytes. */
export const frameCipher = (network: Network, key: Buffer, pass: number): FrameCipher => {
  if (key.length !== FRAME_KEY_BYTES) throw new RangeError(`a key of ${key.length} bytes`);
  return network === 'open' ? openCipher(key, pass) : trustedCipher(key, pass);
};
