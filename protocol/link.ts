/**
 * What is said on a data link before and beside the frames. The downstream
 * dials. All numbers big-endian.
 *
 *     upstream → downstream   hello, 20 bytes: magic "KAL1", challenge 16
 *     downstream → upstream   get, 72 bytes: magic, pass u32, epoch u32, node u32, position u64,
 *                             challenge 16, proof 32
 *     upstream → downstream   answer, 48 bytes: magic, status u32, position u64, proof 32
 *     upstream → downstream   frames from the asked position on
 *     downstream → upstream   acknowledgements: count u8, count × position u64, proof 16
 *
 * Proofs are HMAC-SHA256 (RFC 2104) with the key of this one link, which only
 * its two ends have. What is proved begins with a label of its own for each
 * kind of message, and holds both challenges (that of the hello, and that of
 * the get): nothing said on one connection, or in one direction, proves
 * anything elsewhere.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { NamedError } from '../system/named-error.ts';

export const HELLO_BYTES = 20;
export const GET_BYTES = 72;
export const ANSWER_BYTES = 48;
export const CHALLENGE_BYTES = 16;
export const LINK_KEY_BYTES = 32;

const MAGIC = Buffer.from('KAL1');
const PROOF_BYTES = 32;
/** Of the bytes of a get or an answer that are proved, magic included. */
const GET_PROVED_BYTES = GET_BYTES - PROOF_BYTES;
const ANSWER_PROVED_BYTES = ANSWER_BYTES - PROOF_BYTES;
const ACK_PROOF_BYTES = 16;
const POSITION_BYTES = 8;
const TWO_TO_32 = 2 ** 32;

/** `ok`: frames follow. `gone`: the position is no longer kept, `position` is the oldest one that is. */
export const linkStatuses = ['ok', 'gone'] as const;
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

/** No label is the beginning of another one. */
const labels = {
  get: Buffer.from('ka link: get\0'),
  answer: Buffer.from('ka link: answer\0'),
  ackKey: Buffer.from('ka link: key of acknowledgements\0'),
};

/** `said`: pieces of fixed lengths. */
const prove = (key: Buffer, label: Buffer, ...said: Buffer[]): Buffer => {
  const hmac = createHmac('sha256', key).update(label);
  for (const piece of said) hmac.update(piece);
  return hmac.digest();
};

export const encodeHello = (challenge: Buffer): Buffer => Buffer.concat([MAGIC, challenge]);

/** Returns the upstream's challenge. Throws `LinkDamaged`. */
export const decodeHello = (source: Buffer): Buffer => {
  checkMagic(source, 'hello');
  return Buffer.from(source.subarray(MAGIC.length, HELLO_BYTES));
};

/** `hello` and `own` are the challenges of the upstream and of the downstream. */
export const encodeGet = (key: Buffer, hello: Buffer, own: Buffer, get: LinkGet): Buffer => {
  const numbers = Buffer.alloc(GET_PROVED_BYTES - MAGIC.length - CHALLENGE_BYTES);
  numbers.writeUInt32BE(get.pass, 0);
  numbers.writeUInt32BE(get.epoch, 4);
  numbers.writeUInt32BE(get.node, 8);
  writePosition(numbers, get.position, 12);
  const proved = Buffer.concat([MAGIC, numbers, own]);
  return Buffer.concat([proved, prove(key, labels.get, hello, proved)]);
};

/** What is asked for; nobody has proved it yet. Throws `LinkDamaged`. */
export const decodeGet = (source: Buffer): LinkGet => {
  checkMagic(source, 'get');
  return {
    pass: source.readUInt32BE(4),
    epoch: source.readUInt32BE(8),
    node: source.readUInt32BE(12),
    position: readPosition(source, 16),
  };
};

/** Whether a get (72 bytes) comes from the other end of the link with this key, over this connection. */
export const provesGet = (key: Buffer, hello: Buffer, source: Buffer): boolean =>
  timingSafeEqual(
    source.subarray(GET_PROVED_BYTES, GET_BYTES),
    prove(key, labels.get, hello, source.subarray(0, GET_PROVED_BYTES)),
  );

/** `get` is the whole request (72 bytes), proof included. */
export const encodeAnswer = (
  key: Buffer,
  hello: Buffer,
  get: Buffer,
  answer: LinkAnswer,
): Buffer => {
  const proved = Buffer.alloc(ANSWER_PROVED_BYTES);
  MAGIC.copy(proved, 0);
  proved.writeUInt32BE(linkStatuses.indexOf(answer.status), 4);
  writePosition(proved, answer.position, 8);
  return Buffer.concat([proved, prove(key, labels.answer, hello, get, proved)]);
};

/** The answer to `get`, or null when it is not proved. Throws `LinkDamaged`. */
export const decodeAnswer = (
  key: Buffer,
  hello: Buffer,
  get: Buffer,
  source: Buffer,
): LinkAnswer | null => {
  checkMagic(source, 'answer');
  const proved = source.subarray(0, ANSWER_PROVED_BYTES);
  const given = source.subarray(ANSWER_PROVED_BYTES, ANSWER_BYTES);
  if (!timingSafeEqual(given, prove(key, labels.answer, hello, get, proved))) return null;
  const status = linkStatuses[source.readUInt32BE(4)];
  if (status === undefined) throw new NamedError('LinkDamaged', 'answer of an unknown kind');
  return { status, position: readPosition(source, 8) };
};

/** Proves each acknowledgement of one connection, and its place among them. */
class AckProofs {
  readonly #key: Buffer;
  /** Of the next acknowledgement. */
  #number = 0;

  constructor(key: Buffer, hello: Buffer, get: Buffer) {
    this.#key = prove(key, labels.ackKey, hello, get);
  }

  /** Of the next one, which says `said`. */
  next(said: Buffer): Buffer {
    const number = Buffer.alloc(POSITION_BYTES);
    writePosition(number, this.#number, 0);
    this.#number += 1;
    return createHmac('sha256', this.#key)
      .update(number)
      .update(said)
      .digest()
      .subarray(0, ACK_PROOF_BYTES);
  }
}

/** The downstream's acknowledgements on one connection. `get` is its request, as sent. */
export class AckWriter {
  readonly #proofs: AckProofs;

  constructor(key: Buffer, hello: Buffer, get: Buffer) {
    this.#proofs = new AckProofs(key, hello, get);
  }

  /** Received positions: the sender's own first, then those behind it. */
  encode(positions: readonly number[]): Buffer {
    const said = Buffer.alloc(1 + positions.length * POSITION_BYTES);
    said[0] = positions.length;
    positions.forEach((position, index) => {
      writePosition(said, position, 1 + index * POSITION_BYTES);
    });
    return Buffer.concat([said, this.#proofs.next(said)]);
  }
}

/** The upstream's end of the same. */
export class AckReader {
  readonly #proofs: AckProofs;

  constructor(key: Buffer, hello: Buffer, get: Buffer) {
    this.#proofs = new AckProofs(key, hello, get);
  }

  /**
   * Reads all whole acknowledgements at the start of `source`. Returns the last
   * one (older ones say nothing new; null = none whole yet) and the bytes left
   * over. Throws `LinkDamaged`, also for one that is not proved to be the next.
   */
  decode(source: Buffer): { last: number[] | null; rest: Buffer } {
    let last: number[] | null = null;
    let offset = 0;
    while (offset < source.length) {
      const count = source[offset] ?? 0;
      if (count === 0) throw new NamedError('LinkDamaged', 'acknowledgement without a position');
      const proofAt = offset + 1 + count * POSITION_BYTES;
      const end = proofAt + ACK_PROOF_BYTES;
      if (end > source.length) break;
      const said = source.subarray(offset, proofAt);
      if (!timingSafeEqual(source.subarray(proofAt, end), this.#proofs.next(said))) {
        throw new NamedError('LinkDamaged', 'acknowledgement without its proof');
      }
      last = Array.from({ length: count }, (_, index) =>
        readPosition(said, 1 + index * POSITION_BYTES),
      );
      offset = end;
    }
    return { last, rest: source.subarray(offset) };
  }
}
