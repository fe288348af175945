/** WebSocket as a client says it (RFC 6455, 5.2), and as none should. */
import fc from 'fast-check';

export const TEXT = 1;

export interface RawFrame {
  /** First byte: FIN, three reserved bits, opcode. */
  first: number;
  masked: boolean;
  /** Length that is told; null = the right one. */
  told: bigint | null;
  payload: Buffer;
}

const MASK = Buffer.from([1, 2, 3, 4]);

const lengthOf = (bytes: bigint, masked: number): Buffer => {
  if (bytes < 126n) return Buffer.from([masked | Number(bytes)]);
  const length = Buffer.alloc(bytes < 65_536n ? 3 : 9);
  length[0] = masked | (length.length === 3 ? 126 : 127);
  if (length.length === 3) length.writeUInt16BE(Number(bytes), 1);
  else length.writeBigUInt64BE(bytes, 1);
  return length;
};

export const encodeFrame = ({ first, masked, told, payload }: RawFrame): Buffer => {
  const length = lengthOf(told ?? BigInt(payload.length), masked ? 0x80 : 0);
  const body = Buffer.from(payload);
  if (masked) for (const [at, byte] of payload.entries()) body[at] = byte ^ (MASK[at % 4] ?? 0);
  return Buffer.concat([Buffer.from([first]), length, masked ? MASK : Buffer.alloc(0), body]);
};

/** A whole message of text, as it should be. */
export const textFrame = (text: string): Buffer =>
  encodeFrame({ first: 0x80 | TEXT, masked: true, told: null, payload: Buffer.from(text) });

const told: fc.Arbitrary<bigint | null> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(null) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0n, 125n, 126n, 65_536n, 2n ** 20n, 2n ** 31n, 2n ** 53n, 2n ** 63n),
  },
);

/** Frames of all kinds: continuations without a beginning, long pings, reserved bits, wrong lengths. */
export const rawFrame: fc.Arbitrary<Buffer> = fc
  .record({
    first: fc.oneof(fc.constantFrom(0x81, 0x01, 0x80, 0x00, 0x82, 0x88, 0x89, 0x8a), fc.nat(255)),
    masked: fc.oneof(fc.constant(true), fc.boolean()),
    told,
    payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  })
  .map(encodeFrame);

/** What opens a WebSocket at a path. */
export const upgrade = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
