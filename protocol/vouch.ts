/**
 * What the golden vouches for. All members of a pass have its key, so a frame
 * that is authentic for them shows no more than that some member made it. The
 * golden therefore tells each node the digest of each stream over that node's
 * own control link.
 */
import { z } from 'zod';
import { Count, Unsigned32 } from './numbers.ts';
import { StreamKind, StreamName } from './text.ts';

/** In hex. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Which stream of a pass it is, and what its bytes are. */
const StreamIdentity = z.object({
  /** Number of the stream in its pass, as in its frames. */
  stream: Unsigned32,
  name: StreamName,
  kind: StreamKind,
  encoding: z.enum(['identity', 'zstd']),
});
export type StreamIdentity = z.infer<typeof StreamIdentity>;

/** A stream that came to its end. */
export const StreamRecord = StreamIdentity.extend({
  /** Of the payload of its DATA frames. */
  bytes: Count,
  /** SHA-256 of its binding and of that payload as it is on the wire, encrypted. */
  sha256: Sha256,
});
export type StreamRecord = z.infer<typeof StreamRecord>;

const LABEL = 'ka stream';

const field = (value: string | number): Buffer => {
  const text = Buffer.from(String(value));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text]);
};

/**
 * What the digest of a stream begins with: label, session, pass, and the
 * stream's identity, each as its length in bytes (u32, big-endian) and its text,
 * numbers in decimal. So no two streams have the same beginning, and where the
 * payload begins cannot be moved.
 */
export const streamBinding = (
  session: string,
  pass: number,
  { stream, name, kind, encoding }: StreamIdentity,
): Buffer => Buffer.concat([LABEL, session, pass, stream, name, kind, encoding].map(field));

/** The fields in which two records differ; empty = they say the same. */
export const differingFields = (one: StreamRecord, other: StreamRecord): string[] =>
  (['stream', 'name', 'kind', 'encoding', 'bytes', 'sha256'] as const).filter(
    (key) => one[key] !== other[key],
  );
