/** What a machine is known by: a short form of its public key. */
import { createHash, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { letters } from './letters.ts';

/** 130 bits: nobody finds a second key with the same. */
const PIN_LETTERS = 26;

export const Pin = z.string().regex(/^[a-z2-7]{26}$/, { error: 'not the pin of a key' });

/** The key as it is hashed and compared: SubjectPublicKeyInfo in DER (RFC 5280, 4.1). */
export const publicBytes = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

/** The first 130 bits of the SHA-256 of `publicBytes`. */
export const pinOf = (key: KeyObject): string =>
  letters(createHash('sha256').update(publicBytes(key)).digest(), PIN_LETTERS);
