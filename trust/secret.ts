/** Random secrets as they are said, typed and written: join tokens, tickets, the operator's key. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { letters } from './letters.ts';

/** 130 bits. */
const SECRET_LETTERS = 26;
const SECRET_BYTES = 17;

export const Secret = z.string().regex(/^[a-z2-7]{26}$/, { error: 'not a secret of ka' });

export const newSecret = (): string => letters(randomBytes(SECRET_BYTES), SECRET_LETTERS);

/** What is kept of a secret that only has to be recognised: SHA-256, hex. */
export const digestOf = (secret: string): string =>
  createHash('sha256').update(secret).digest('hex');

/** Takes the same time wherever they differ. */
export const isSameSecret = (a: string, b: string): boolean =>
  timingSafeEqual(Buffer.from(digestOf(a)), Buffer.from(digestOf(b)));
