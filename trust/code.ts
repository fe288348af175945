/**
 * The six digits two people compare before a node without a secret is let in
 * (docs/trust.md). The node is bound to its nonce by a commitment before it
 * hears the golden's: who stands in between cannot try which codes match.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

export const Nonce = z.string().regex(/^[0-9a-f]{32}$/);
export const Commitment = z.string().regex(/^[0-9a-f]{64}$/);
export const Code = z.string().regex(/^\d{6}$/, { error: 'a code has six digits' });

const NONCE_BYTES = 16;
const CODES = 1_000_000n;

export const newNonce = (): string => randomBytes(NONCE_BYTES).toString('hex');

/** With the length of each, so that no two different lists of parts give the same bytes. */
const hash = (what: string, parts: readonly Uint8Array[]): Buffer => {
  const sum = createHash('sha256').update(what);
  for (const part of parts) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    sum.update(length).update(part);
  }
  return sum.digest();
};

/** `key`: `publicBytes` of the node's key. Hex. */
export const commitmentOf = (key: Uint8Array, nonce: string): string =>
  hash('ka commit', [key, Buffer.from(nonce, 'hex')]).toString('hex');

export interface Pairing {
  /** `publicBytes` of each side's key, as the other sees it on its own connection. */
  nodeKey: Uint8Array;
  goldenKey: Uint8Array;
  nodeNonce: string;
  goldenNonce: string;
}

/** Six digits. */
export const codeOf = ({ nodeKey, goldenKey, nodeNonce, goldenNonce }: Pairing): string => {
  const nonces = [nodeNonce, goldenNonce].map((nonce) => Buffer.from(nonce, 'hex'));
  const number = hash('ka code', [nodeKey, goldenKey, ...nonces]).readBigUInt64BE(0) % CODES;
  return number.toString().padStart(6, '0');
};

/** As it is shown: "123 456". */
export const shownCode = (code: string): string => `${code.slice(0, 3)} ${code.slice(3)}`;
