/**
 * Frames: what a pass is made of. All frames of a pass, headers included, lie
 * one behind the other in one position space that starts at 0.
 *
 * Header, big-endian, 44 bytes:
 *
 *     offset  size
 *          0     4  magic "KAF1"
 *          4     1  version
 *          5     1  type
 *          6     2  number of the stream; 0 for CLOSE
 *          8     4  payload length
 *         12     4  pass
 *         16     8  position of the frame's first byte in the pass
 *         24     4  length of the frame right behind this one, header included,
 *                   when it was whole already; else 0
 *         28    16  tag
 *
 * In an open network frames are AES-128-GCM (NIST SP 800-38D): the payload is
 * encrypted, the first 28 bytes of the header are AAD. In a trusted one the tag
 * is GMAC, all data being AAD, and the payload is as it is. Either way the key
 * is that of the pass, and the 12-byte nonce is pass | position, which never
 * comes twice under it.
 */
import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { NamedError } from '../system/named-error.ts';
import { MAX_PAYLOAD_BYTES, PROTOCOL_VERSION } from './constants.ts';
import { frameNonce } from './frame-nonce.ts';
import { Count } from './numbers.ts';
import { Line, StreamKind, StreamName } from './text.ts';
import { Sha256 } from './vouch.ts';

export const FRAME_HEADER_BYTES = 44;
export const FRAME_SIGNED_BYTES = 28;
export const FRAME_TAG_BYTES = 16;
export const FRAME_KEY_BYTES = 16;

/** Most a BEGIN, END or ABORT frame may say. */
export const FRAME_TEXT_MAX_BYTES = 64 * 1024;

/** `CLOSE` ends the pass; no stream comes after it. */
export const FrameType = { begin: 1, data: 2, end: 3, abort: 4, close: 5 } as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export interface FrameHeader {
  type: FrameType;
  stream: number;
  payloadBytes: number;
  pass: number;
  position: number;
  /** Bytes of the frame right behind, header included, which comes without a pause; 0 = not known. */
  nextBytes: number;
}

/** Payload of BEGIN. */
export const StreamBegin = z.object({
  /** Unique within the session: "files /". */
  name: StreamName,
  kind: StreamKind,
  encoding: z.enum(['identity', 'zstd']),
  /** Bytes before compression, for progress only; null = unknown. */
  expectedBytes: Count.nullable(),
  target: StreamName.optional(),
});
export type StreamBegin = z.infer<typeof StreamBegin>;

/** Payload of END: DATA bytes of the stream, and SHA-256 over the tags of its BEGIN and DATA frames. */
export const StreamEnd = z.object({
  bytes: Count,
  digest: Sha256,
});
export type StreamEnd = z.infer<typeof StreamEnd>;

/** Payload of ABORT: why the golden could not finish the stream. */
export const StreamAbort = z.object({ reason: Line });
export type StreamAbort = z.infer<typeof StreamAbort>;

const MAGIC = Buffer.from('KAF1');
const MAGIC_NUMBER = MAGIC.readUInt32BE(0);
const TWO_TO_32 = 2 ** 32;

const isFrameType = (value: number): value is FrameType =>
  value >= FrameType.begin && value <= FrameType.close;

/** Writes the signed part of a header (28 bytes) at the start of `target`; the tag follows it. */
export const writeFrameHeader = (target: Buffer, header: FrameHeader): void => {
  MAGIC.copy(target, 0);
  target[4] = PROTOCOL_VERSION;
  target[5] = header.type;
  target.writeUInt16BE(header.stream, 6);
  target.writeUInt32BE(header.payloadBytes, 8);
  target.writeUInt32BE(header.pass, 12);
  target.writeUInt32BE(Math.floor(header.position / TWO_TO_32), 16);
  target.writeUInt32BE(header.position % TWO_TO_32, 20);
  target.writeUInt32BE(header.nextBytes, 24);
};

/**
 * Reads a header at `offset` of `source`.
 *
 * Throws `FrameDamaged` for anything that is not a frame of this version.
 * What it returns is not authentic before the tag has been checked.
 */
export const readFrameHeader = (source: Buffer, offset: number): FrameHeader => {
  if (source.readUInt32BE(offset) !== MAGIC_NUMBER || source[offset + 4] !== PROTOCOL_VERSION) {
    throw new NamedError('FrameDamaged', 'bytes that are not a frame of this version');
  }
  const type = source[offset + 5] ?? 0;
  const payloadBytes = source.readUInt32BE(offset + 8);
  if (!isFrameType(type) || payloadBytes > MAX_PAYLOAD_BYTES) {
    throw new NamedError('FrameDamaged', `frame of type ${type} with ${payloadBytes} bytes`);
  }
  return {
    type,
    stream: source.readUInt16BE(offset + 6),
    payloadBytes,
    pass: source.readUInt32BE(offset + 12),
    position: source.readUInt32BE(offset + 16) * TWO_TO_32 + source.readUInt32BE(offset + 20),
    nextBytes: source.readUInt32BE(offset + 24),
  };
};

/** The key of a pass (16 bytes) for `frameTag`: made once, it saves 20 µs for each frame. */
export const frameKey = (key: Buffer): KeyObject => createSecretKey(key);

/**
 * GMAC of one frame (16 bytes). `key` is `frameKey` of the key of the pass,
 * `signed` the first 28 bytes of the header, `payload` its pieces in order.
 */
export const frameTag = (
  key: KeyObject,
  pass: number,
  position: number,
  signed: Buffer,
  payload: readonly Buffer[],
): Buffer => {
  const mac = createCipheriv('aes-128-gcm', key, frameNonce(pass, position));
  mac.setAAD(signed);
  for (const piece of payload) mac.setAAD(piece);
  mac.final();
  return mac.getAuthTag();
};

/** Reads the JSON payload of a BEGIN, END or ABORT frame. Throws `FrameDamaged`. */
export const readFrameJson = <T>(schema: z.ZodType<T>, payload: Buffer): T => {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch (error) {
    throw new NamedError('FrameDamaged', 'frame whose text is not JSON', { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new NamedError('FrameDamaged', `frame with unknown text: ${z.prettifyError(parsed.error)}`);
};
