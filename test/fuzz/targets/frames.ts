/** Frames and links: what the real writers make, damaged on the way, and what members could make. */
import fc from 'fast-check';
import {
  FRAME_HEADER_BYTES,
  FRAME_KEY_BYTES,
  FRAME_SIGNED_BYTES,
  type FrameHeader,
  FrameType,
  readFrameHeader,
  writeFrameHeader,
} from '../../../protocol/frame.ts';
import {
  AckReader,
  AckWriter,
  ANSWER_BYTES,
  decodeAnswer,
  decodeGet,
  decodeHello,
  encodeAnswer,
  encodeGet,
  encodeHello,
  GET_BYTES,
  HELLO_BYTES,
  linkStatuses,
  provesGet,
} from '../../../protocol/link.ts';
import type { Network } from '../../../protocol/network.ts';
import { frameCipher } from '../../../relay/frame-cipher.ts';
import { FrameScanner } from '../../../relay/frame-scanner.ts';
import { payloadAt } from '../../../relay/frame-size.ts';
import { FrameWriter } from '../../../relay/frame-writer.ts';
import { Ring } from '../../../relay/ring.ts';
import { NamedError } from '../../../system/named-error.ts';
import { isPrintable } from '../../../system/printable.ts';
import { bytesLike, jsonLike, text } from '../hostile.ts';
import { mustBe, orRefused, parser, same } from '../target.ts';
import { mustBeTame } from './said.ts';

const PASS = 7;
const RING_BYTES = 64 * 1024;
const KEY = Buffer.alloc(FRAME_KEY_BYTES, 'k');

/** For all cases: each one takes memory that stays where it is. */
const ciphers = {
  open: frameCipher('open', KEY, PASS),
  trusted: frameCipher('trusted', KEY, PASS),
};
const network = fc.constantFrom<Network>('open', 'trusted');

interface StreamCase {
  name: string;
  /** Sizes of what its source gives at once. */
  gives: readonly number[];
  ending: 'end' | 'abort' | 'none';
}

const PATTERN = Buffer.from(Uint8Array.from({ length: RING_BYTES }, (_, at) => (at * 7) % 251));

/** The bytes of a stream, which say where they stand. */
const content = (stream: number, from: number, bytes: number): Buffer =>
  PATTERN.subarray(stream + from, stream + from + bytes);

const noRoom = (): Promise<void> => Promise.reject(new Error('the ring is large enough'));

/** A pass as the golden sends it, and where its frames end. */
const written = (
  how: Network,
  frameBytes: number,
  streams: readonly StreamCase[],
  closes: boolean,
): { bytes: Buffer; ends: number[] } => {
  const ring = new Ring(RING_BYTES);
  const ends: number[] = [];
  const writer = new FrameWriter({
    ring,
    cipher: ciphers[how],
    pass: PASS,
    payloadAt: (position) => payloadAt(position, frameBytes),
    room: noRoom,
    onSealed: () => ends.push(ring.verified),
  });
  // With room in the ring all of it is done at once.
  let isOpen = false;
  for (const [index, { name, gives, ending }] of streams.entries()) {
    void writer.begin({ name, kind: 'files', encoding: 'identity', expectedBytes: null });
    let from = 0;
    for (const bytes of gives) {
      for (let left = bytes; left > 0; ) {
        const space = writer.space();
        const here = Math.min(left, space.length);
        content(index + 1, from, here).copy(space);
        writer.filled(here);
        [left, from] = [left - here, from + here];
      }
    }
    isOpen = ending === 'none';
    if (isOpen) {
      writer.flush();
      break;
    }
    void (ending === 'end' ? writer.end() : writer.abort('gone'));
  }
  if (closes && !isOpen) void writer.close();
  return { bytes: Buffer.concat(ring.pieces(0, ring.verified)), ends };
};

const firstDifference = (a: Buffer, b: Buffer): number => {
  let [equal, most] = [0, Math.min(a.length, b.length)];
  while (equal < most) {
    const middle = Math.ceil((equal + most) / 2);
    if (a.subarray(equal, middle).equals(b.subarray(equal, middle))) equal = middle;
    else most = middle - 1;
  }
  return equal;
};

type Edit = readonly [kind: number, at: number, size: number, value: number];

/** Bits turned, bytes cut out, put in, said twice, the end cut off. */
const damaged = (bytes: Buffer, edits: readonly Edit[]): Buffer => {
  let result = Buffer.from(bytes);
  for (const [kind, where, size, value] of edits) {
    const at = where % (result.length + 1);
    const [before, after] = [result.subarray(0, at), result.subarray(at)];
    if (kind === 0) result = Buffer.concat([before, after.subarray(size)]);
    else if (kind === 1) result = Buffer.concat([before, Buffer.alloc(size, value), after]);
    else if (kind === 2) result = Buffer.concat([before, after.subarray(0, size), after]);
    else if (kind === 3) result = Buffer.from(before);
    else if (at < result.length) {
      result = Buffer.from(result);
      result[at] = (result[at] ?? 0) ^ (1 << (value % 8));
    }
  }
  return result;
};

const edits = fc.array(
  fc.tuple(
    fc.nat({ max: 6 }),
    fc.nat({ max: 200_000 }),
    fc.integer({ min: 1, max: 60 }),
    fc.nat({ max: 255 }),
  ),
  { maxLength: 3 },
);

interface Arrival {
  /** Where the frames ended that were handed on. */
  ends: number[];
  clear: Map<number, Buffer[]>;
  refusal: NamedError | undefined;
  scanner: FrameScanner;
}

/** What a hop hears of bytes that come in such pieces. */
const arrived = (
  how: Network,
  bytes: Buffer,
  pieces: readonly number[],
  decrypts: boolean,
): Arrival => {
  const ring = new Ring(RING_BYTES);
  const cipher = ciphers[how];
  const scanner = new FrameScanner({
    ring,
    cipher,
    pass: PASS,
    clearSpace: (length) => (decrypts ? Buffer.alloc(length) : null),
  });
  const ends: number[] = [];
  const clear = new Map<number, Buffer[]>();
  let stream = 0;
  let position = 0;
  let refusal: NamedError | undefined;
  for (let turn = 0; position < bytes.length && !refusal; turn += 1) {
    const piece = bytes.subarray(position, position + (pieces[turn % pieces.length] ?? 1));
    ring.append(piece);
    position += piece.length;
    const start = ring.verified;
    try {
      scanner.scan((frame) => {
        ends.push(frame.end);
        if (frame.type === 'begin') {
          stream = frame.stream;
          clear.set(stream, []);
          mustBeTame(frame.begin);
        }
        if (frame.type !== 'data') return;
        const later = Buffer.alloc(frame.bytes);
        if (frame.clear === null) cipher.decrypt(frame.position, frame.payload, later);
        clear.get(stream)?.push(...(frame.clear ?? [later]).map((part) => Buffer.from(part)));
      });
      mustBe(scanner.closed || scanner.missing > 0, 'there is something to scan');
    } catch (error) {
      if (!(error instanceof NamedError) || error.code !== 'FrameDamaged') throw error;
      mustBe(error.message.split('\n').every(isPrintable), 'its message is not printable');
      refusal = error;
    }
    mustBe(ring.verified >= start, 'what was checked moves back');
    mustBe(ring.verified === (ends.at(-1) ?? 0), 'more is checked than was handed on');
    // A hop that runs freely keeps nothing.
    if (turn % 2 === 0) ring.release(ring.verified);
  }
  return { ends, clear, refusal, scanner };
};

const stream = fc.record<StreamCase>({
  name: fc.constantFrom('files /', 'raw sda3', 'é'),
  gives: fc.array(fc.nat({ max: 1500 }), { maxLength: 3 }),
  ending: fc.constantFrom('end', 'end', 'abort', 'none'),
});

const passCase = fc.record({
  how: network,
  frameBytes: fc.constantFrom(128, 1024, 4096),
  streams: fc.array(stream, { maxLength: 3 }),
  closes: fc.boolean(),
  edits,
  pieces: fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 4 }),
  decrypts: fc.boolean(),
});

const u32 = fc.oneof(fc.nat({ max: 20 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const position = fc.oneof(
  fc.nat({ max: 5000 }),
  fc.maxSafeNat(),
  fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);
const frameType = fc.constantFrom(...Object.values(FrameType));

const header = fc.record<FrameHeader>(
  {
    type: frameType,
    stream: fc.nat({ max: 65_535 }),
    payloadBytes: fc.nat({ max: 4 * 1024 * 1024 }),
    pass: u32,
    position,
    nextBytes: u32,
  },
  { noNullPrototype: true },
);

/** A frame any member of the pass can make: its tag is right, and nothing else need be. */
interface MadeFrame {
  type: FrameType;
  /** Beside the number it should have. */
  streamOff: number;
  positionOff: number;
  nextBytes: number;
  payload: string;
}

const BEGIN = { name: 'files /', kind: 'files', encoding: 'zstd', expectedBytes: 7, target: 'x' };
const END = { bytes: 0, digest: '0'.repeat(64) };

const madeFrame = fc.record<MadeFrame>({
  type: frameType,
  streamOff: fc.constantFrom(0, 0, 0, 0, 1, -1),
  positionOff: fc.constantFrom(0, 0, 0, 0, 0, 0, 1),
  nextBytes: fc.oneof(fc.constant(0), u32),
  payload: fc.oneof(
    jsonLike(BEGIN),
    jsonLike(BEGIN, END, { reason: 'gone' }),
    text.map((said) => JSON.stringify({ ...BEGIN, name: said })),
    fc.constant(''),
  ),
});

/** The bytes of these frames, each with the right tag for its place. */
const made = (how: Network, frames: readonly MadeFrame[]): Buffer => {
  const parts: Buffer[] = [];
  let at = 0;
  let begun = 0;
  for (const { type, streamOff, positionOff, nextBytes, payload: said } of frames) {
    if (type === FrameType.begin) begun += 1;
    const payload = Buffer.from(said).subarray(0, 20_000);
    const signed = Buffer.alloc(FRAME_SIGNED_BYTES);
    writeFrameHeader(signed, {
      ...{ type, nextBytes, pass: PASS, payloadBytes: payload.length },
      stream: Math.max(0, (type === FrameType.close ? 0 : begun) + streamOff),
      position: at + positionOff,
    });
    const tag = ciphers[how].seal(at, signed, [payload]);
    parts.push(signed, tag, payload);
    at += FRAME_HEADER_BYTES + payload.length;
  }
  return Buffer.concat(parts).subarray(0, RING_BYTES / 2);
};

const LINK_KEY = Buffer.alloc(32, 'l');
const OTHER_KEY = Buffer.alloc(32, 'o');
const HELLO = encodeHello(Buffer.alloc(16, 'u'));
const OWN = Buffer.alloc(16, 'd');
const GET = { pass: 1, epoch: 2, node: 3, position: 2 ** 40 };
const ASKED = encodeGet(LINK_KEY, HELLO, OWN, GET);
const ANSWERED = encodeAnswer(LINK_KEY, HELLO, ASKED, { status: 'ok', position: 9 });

/** As it is read: exactly so many bytes. */
const sized = (bytes: Buffer, length: number): Buffer =>
  Buffer.concat([bytes, Buffer.alloc(length)]).subarray(0, length);

const get = fc.record({ pass: u32, epoch: u32, node: u32, position }, { noNullPrototype: true });
const acknowledgement = fc.array(position, { minLength: 1, maxLength: 5 });

export const frameTargets = [
  parser(
    'frame headers',
    fc.tuple(header, fc.nat({ max: 30 }), edits),
    ([wanted, offset, changes]) => {
      const bytes = Buffer.alloc(offset + FRAME_HEADER_BYTES);
      writeFrameHeader(bytes.subarray(offset), wanted);
      same(readFrameHeader(bytes, offset), wanted, 'read again it is another');
      const other = sized(damaged(bytes.subarray(offset), changes), FRAME_HEADER_BYTES);
      const read = orRefused(['FrameDamaged'], () => readFrameHeader(other, 0));
      if (!read) return;
      const again = Buffer.alloc(FRAME_SIGNED_BYTES);
      mustBe(read.payloadBytes <= 4 * 1024 * 1024, 'its payload is too large');
      if (!Number.isSafeInteger(read.position)) return;
      writeFrameHeader(again, read);
      same(readFrameHeader(sized(again, FRAME_HEADER_BYTES), 0), read, 'written again');
    },
    3,
  ),
  parser(
    'frames that are damaged on the way',
    passCase,
    ({ how, frameBytes, streams, closes, edits: changes, pieces, decrypts }) => {
      const pass = written(how, frameBytes, streams, closes);
      const bytes = damaged(pass.bytes, changes).subarray(0, RING_BYTES / 2);
      const whole = firstDifference(pass.bytes, bytes);
      const { ends, clear, refusal, scanner } = arrived(how, bytes, pieces, decrypts);
      const good = pass.ends.filter((end) => end <= whole);
      same(ends, good, 'not the frames before the damage');
      if (whole === bytes.length) mustBe(!refusal, `${refusal?.message}, though nothing is wrong`);
      // What is damaged is found as soon as it could be a frame.
      if (whole < bytes.length && scanner.missing <= 0) {
        mustBe(refusal !== undefined, 'the damage is not found');
      }
      for (const [number, parts] of clear) {
        const said = Buffer.concat(parts);
        mustBe(said.equals(content(number, 0, said.length)), `stream ${number} is another`);
      }
    },
    5,
  ),
  parser(
    'frames a member makes',
    fc.record({
      how: network,
      frames: fc.array(madeFrame, { minLength: 1, maxLength: 5 }),
      pieces: fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 3 }),
      decrypts: fc.boolean(),
    }),
    ({ how, frames, pieces, decrypts }) => {
      const { ends, scanner } = arrived(how, made(how, frames), pieces, decrypts);
      mustBe(ends.length <= frames.length, 'more frames than there are');
      if (scanner.stream) mustBeTame(scanner.stream.name);
    },
    4,
  ),
  parser(
    'requests on a link',
    fc.tuple(get, fc.constantFrom(...linkStatuses), edits, bytesLike(HELLO, ASKED, ANSWERED)),
    ([asks, status, changes, noise]) => {
      const asked = encodeGet(LINK_KEY, HELLO, OWN, asks);
      same(decodeGet(asked), asks, 'asked for');
      mustBe(provesGet(LINK_KEY, HELLO, asked), 'it is not proved');
      mustBe(!provesGet(OTHER_KEY, HELLO, asked), 'proved with another key');
      const answer = { status, position: asks.position };
      const answered = encodeAnswer(LINK_KEY, HELLO, asked, answer);
      same(decodeAnswer(LINK_KEY, HELLO, asked, answered), answer, 'answered');
      mustBe(decodeAnswer(OTHER_KEY, HELLO, asked, answered) === null, 'answered by another');

      const badGet = sized(damaged(asked, changes), GET_BYTES);
      orRefused(['LinkDamaged'], () => decodeGet(badGet));
      same(provesGet(LINK_KEY, HELLO, badGet), badGet.equals(asked), 'a changed request');
      const bad = sized(damaged(answered, changes), ANSWER_BYTES);
      const read = orRefused(['LinkDamaged'], () => decodeAnswer(LINK_KEY, HELLO, asked, bad));
      mustBe(!read || bad.equals(answered), 'a changed answer is believed');

      const hello = sized(noise, HELLO_BYTES);
      same(orRefused(['LinkDamaged'], () => decodeHello(hello))?.length ?? 16, 16, 'challenge');
      orRefused(['LinkDamaged'], () => decodeGet(sized(noise, GET_BYTES)));
      orRefused(['LinkDamaged'], () =>
        decodeAnswer(LINK_KEY, HELLO, ASKED, sized(noise, ANSWER_BYTES)),
      );
    },
    3,
  ),
  parser(
    'acknowledgements',
    fc.tuple(
      fc.array(acknowledgement, { maxLength: 6 }),
      edits,
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 }),
    ),
    ([said, changes, pieces]) => {
      const writer = new AckWriter(LINK_KEY, HELLO, ASKED);
      const reader = new AckReader(LINK_KEY, HELLO, ASKED);
      const parts = said.map((positions) => writer.encode(positions));
      const right = Buffer.concat(parts);
      const bytes = damaged(right, changes);
      const whole = firstDifference(right, bytes);
      let end = 0;
      const good = said.filter((_, index) => {
        end += parts[index]?.length ?? 0;
        return end <= whole;
      });
      let rest = Buffer.alloc(0);
      let last: number[] | null = null;
      let isRefused = false;
      for (let at = 0, turn = 0; at < bytes.length && !isRefused; turn += 1) {
        const piece = bytes.subarray(at, at + (pieces[turn % pieces.length] ?? 1));
        at += piece.length;
        const read = orRefused(['LinkDamaged'], () => reader.decode(Buffer.concat([rest, piece])));
        isRefused = read === undefined;
        last = read?.last ?? last;
        rest = Buffer.from(read?.rest ?? []);
      }
      mustBe(whole < bytes.length || !isRefused, 'refused, though nothing is wrong');
      if (last)
        mustBe(
          good.some((one) => `${one}` === `${last}`),
          'nobody said that',
        );
      if (!isRefused) same(last, good.at(-1) ?? null, 'not the last one');
    },
    3,
  ),
];
