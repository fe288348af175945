/**
 * What is said on a data link before and beside the frames. The downstream
 * dials. All numbers big-endian.
 *
 *     upstream → downstream   hello, 20 bytes: magic "KAL1", challenge 16
 *     downstream → upstream   get, 56 bytes: magic, pass u32, epoch u32, node u32, position u64, proof 32
 *     upstream → downstream   answer, 16 bytes: magic "KAL1", status u32, position u64
 *     upstream → downstream   frames from the asked position on
 *     downstream → upstream   acknowledgements: count u8, count × position u64
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { NamedError } from '../system/named-error.ts';

export const HELLO_BYTES = 20;
export const GET_BYTES = 56;
export const ANSWER_BYTES = 16;
export const CHALLENGE_BYTES = 16;

const MAGIC = Buffer.from('KAL1');
const PROOF_BYTES = 32;
const GET_BODY_BYTES = GET_BYTES - MAGIC.length - PROOF_BYTES;
const POSITION_BYTES = 8;
const TWO_TO_32 = 2 ** 32;

/**
 * `ok`: frames follow. `gone`: the position is no longer kept, `position` is
 * the oldest one that is. `stale`: not the node expected now, or an order
 * older than the one in force. `refused`: wrong proof or another pass.
 */
export const linkStatuses = ['ok', 'gone', 'stale', 'refused'] as const;
export type LinkStatus = (typeof linkStatuses)[number];

export interface LinkGet {
  pass: number;
  epoch: number;
  node: number;
  position: number;
}

export interface LinkAnswer {
  status: LinkStatus;
  /** Oldest kept position with `gone`, else the position asked for. */
  position: number;
}

const writePosition = (target: Buffer, position: number, offset: number): void => {
  target.writeUInt32BE(Math.floor(position / TWO_TO_32), offset);
  target.writeUInt32BE(position % TWO_TO_32, offset + 4);
};

const readPosition = (source: Buffer, offset: number): number => {
  const position = source.readUInt32BE(offset) * TWO_TO_32 + source.readUInt32BE(offset + 4);
  if (!Number.isSafeInteger(position)) {
    throw new NamedError('LinkDamaged', 'position on a link is beyond 2^53');
  }
  return position;
};

const checkMagic = (source: Buffer, what: string): void => {
  if (!source.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new NamedError('LinkDamaged', `peer sent something that is not a ka ${what}`);
  }
};

export const encodeHello = (challenge: Buffer): Buffer => Buffer.concat([MAGIC, challenge]);

/** Returns the challenge. Throws `LinkDamaged`. */
export const decodeHello = (source: Buffer): Buffer => {
  checkMagic(source, 'hello');
  return Buffer.from(source.subarray(MAGIC.length, HELLO_BYTES));
};

/** HMAC-SHA256 (RFC 2104) with the session key over challenge and request. */
const proof = (key: Buffer, challenge: Buffer, body: Buffer): Buffer =>
  createHmac('sha256', key).update(challenge).update(body).digest();

export const encodeGet = (key: Buffer, challenge: Buffer, get: LinkGet): Buffer => {
  const body = Buffer.alloc(GET_BODY_BYTES);
  body.writeUInt32BE(get.pass, 0);
  body.writeUInt32BE(get.epoch, 4);
  body.writeUInt32BE(get.node, 8);
  writePosition(body, get.position, 12);
  return Buffer.concat([MAGIC, body, proof(key, challenge, body)]);
};

/** Returns the request, or null when its proof is wrong. Throws `LinkDamaged`. */
export const decodeGet = (key: Buffer, challenge: Buffer, source: Buffer): LinkGet | null => {
  checkMagic(source, 'get');
  const body = source.subarray(MAGIC.length, MAGIC.length + GET_BODY_BYTES);
  const given = source.subarray(MAGIC.length + GET_BODY_BYTES, GET_BYTES);
  if (!timingSafeEqual(given, proof(key, challenge, body))) return null;
  return {
    pass: body.readUInt32BE(0),
    epoch: body.readUInt32BE(4),
    node: body.readUInt32BE(8),
    position: readPosition(body, 12),
  };
};

export const encodeAnswer = (answer: LinkAnswer): Buffer => {
  const target = Buffer.alloc(ANSWER_BYTES);
  MAGIC.copy(target, 0);
  target.writeUInt32BE(linkStatuses.indexOf(answer.status), 4);
  writePosition(target, answer.position, 8);
  return target;
};

/** Throws `LinkDamaged`. */
export const decodeAnswer = (source: Buffer): LinkAnswer => {
  checkMagic(source, 'answer');
  const status = linkStatuses[source.readUInt32BE(4)];
  if (status === undefined) throw new NamedError('LinkDamaged', 'answer of an unknown kind');
  return { status, position: readPosition(source, 8) };
};

/** One acknowledgement: received positions, the sender's own first, then those behind it. */
export const encodeAck = (positions: readonly number[]): Buffer => {
  const target = Buffer.allocUnsafe(1 + positions.length * POSITION_BYTES);
  target[0] = positions.length;
  positions.forEach((position, index) => {
    writePosition(target, position, 1 + index * POSITION_BYTES);
  });
  return target;
};

/**
 * Reads all whole acknowledgements at the start of `source`. Returns the last
 * one (older ones say nothing new; null = none whole yet) and the bytes left
 * over. Throws `LinkDamaged`.
 */
export const decodeAcks = (source: Buffer): { last: number[] | null; rest: Buffer } => {
  let last: number[] | null = null;
  let offset = 0;
  while (offset < source.length) {
    const count = source[offset] ?? 0;
    if (count === 0) throw new NamedError('LinkDamaged', 'acknowledgement without a position');
    const end = offset + 1 + count * POSITION_BYTES;
    if (end > source.length) break;
    const start = offset + 1;
    last = Array.from({ length: count }, (_, index) =>
      readPosition(source, start + index * POSITION_BYTES),
    );
    offset = end;
  }
  return { last, rest: source.subarray(offset) };
};
