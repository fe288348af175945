/** Bytes of the chain's links: frames, requests, answers, acknowledgements. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { FRAME_HEADER_BYTES, readFrameHeader, writeFrameHeader } from '../../../protocol/frame.ts';
import * as link from '../../../protocol/link.ts';
import type { Network } from '../../../protocol/network.ts';
import { frameCipher } from '../../../relay/frame-cipher.ts';
import { FrameScanner } from '../../../relay/frame-scanner.ts';
import { FrameWriter } from '../../../relay/frame-writer.ts';
import { Ring } from '../../../relay/ring.ts';
import { NamedError } from '../../../system/named-error.ts';
import { bytesLike } from '../hostile.ts';
import { mustBe, orRefused, parser, same } from '../target.ts';

const RING_BYTES = 64 * 1024;
const PASS = 7;
const key = Buffer.alloc(16, 7);

/** All bytes of a pass of two streams, one of them broken off. */
const passOf = async (network: Network): Promise<Buffer> => {
  const ring = new Ring(RING_BYTES);
  const cipher = frameCipher(network, key, PASS);
  const writer = new FrameWriter({
    ring,
    cipher,
    pass: PASS,
    payloadAt: () => 1500,
    room: () => Promise.reject(new Error('the ring is large enough')),
    onSealed: () => undefined,
  });
  const send = (bytes: number): void => {
    for (let left = bytes; left > 0; ) {
      const space = writer.space();
      const here = Math.min(left, space.length);
      space.fill(left % 251, 0, here);
      writer.filled(here);
      left -= here;
    }
  };
  const begin = { kind: 'files', encoding: 'identity' as const, expectedBytes: null };
  await writer.begin({ ...begin, name: '/' });
  send(5000);
  await writer.end();
  await writer.begin({ ...begin, name: '/home' });
  send(700);
  await writer.abort('enough');
  await writer.close();
  cipher.close();
  return Buffer.concat(ring.pieces(0, ring.head));
};

/** Each frame in a line: what it is, where it ends, what is in it. */
const framesIn = (network: Network, bytes: Buffer, sizes: readonly number[]): string[] => {
  const ring = new Ring(RING_BYTES);
  const cipher = frameCipher(network, key, PASS);
  const frames: string[] = [];
  try {
    const clearSpace = (size: number): Buffer => Buffer.alloc(size);
    const scanner = new FrameScanner({ ring, cipher, pass: PASS, clearSpace });
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const piece = bytes.subarray(at, at + (sizes[turn % sizes.length] ?? 1000));
      ring.append(piece);
      at += piece.length;
      scanner.scan((frame) => {
        const { type, end } = frame;
        const data = 'clear' in frame ? Buffer.concat(frame.clear ?? []) : JSON.stringify(frame);
        frames.push(`${type} ${end} ${createHash('sha256').update(data).digest('hex')}`);
      });
    }
    return frames;
  } catch (error) {
    if (!(error instanceof NamedError) || error.code !== 'FrameDamaged') throw error;
    return frames;
  } finally {
    cipher.close();
  }
};

const passes = { open: await passOf('open'), trusted: await passOf('trusted') };
const right = {
  open: framesIn('open', passes.open, [100_000]),
  trusted: framesIn('trusted', passes.trusted, [100_000]),
};

const frameTarget = (network: Network) =>
  parser(
    `frames of a network that is ${network}`,
    fc.tuple(
      bytesLike(passes[network]),
      fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 5 }),
    ),
    ([bytes, sizes]) => {
      const fitting = bytes.subarray(0, RING_BYTES / 2);
      const frames = framesIn(network, fitting, sizes);
      for (const [index, frame] of frames.entries()) same(frame, right[network][index], 'a frame');
      if (fitting.equals(passes[network])) same(frames, right[network], 'frames of the whole');
    },
    1,
  );

const linkKey = Buffer.alloc(link.LINK_KEY_BYTES, 1);
const challenge = Buffer.alloc(link.CHALLENGE_BYTES, 2);
const get = link.encodeGet(linkKey, challenge, Buffer.alloc(link.CHALLENGE_BYTES, 3), {
  pass: 1,
  epoch: 2,
  node: 3,
  position: 2 ** 40,
});
const answer = link.encodeAnswer(linkKey, challenge, get, { status: 'gone', position: 2 ** 33 });
const said = [[5], [10, 5], [2 ** 40, 10, 5], [2 ** 40, 2 ** 40, 2 ** 40]];
const acks = (() => {
  const writer = new link.AckWriter(linkKey, challenge, get);
  return Buffer.concat(said.map((positions) => writer.encode(positions)));
})();

const sized = (bytes: Buffer, size: number): Buffer => Buffer.concat([bytes], size);

export const chainTargets = [
  frameTarget('open'),
  frameTarget('trusted'),
  parser(
    'headers of frames',
    bytesLike(passes.trusted.subarray(0, FRAME_HEADER_BYTES)),
    (bytes) => {
      const source = sized(bytes, FRAME_HEADER_BYTES);
      const header = orRefused(['FrameDamaged'], () => readFrameHeader(source, 0));
      if (!header || !Number.isSafeInteger(header.position)) return;
      const target = Buffer.alloc(FRAME_HEADER_BYTES);
      writeFrameHeader(target, header);
      same(readFrameHeader(target, 0), header, 'read again it is another');
    },
    4,
  ),
  parser(
    'requests for links',
    bytesLike(get),
    (bytes) => {
      const source = sized(bytes, link.GET_BYTES);
      const wanted = orRefused(['LinkDamaged'], () => link.decodeGet(source));
      const isProved = link.provesGet(linkKey, challenge, source);
      same(isProved, source.equals(get), 'proved');
      if (wanted) mustBe(Number.isSafeInteger(wanted.position), 'position');
    },
    3,
  ),
  parser(
    'answers of links',
    bytesLike(answer),
    (bytes) => {
      const source = sized(bytes, link.ANSWER_BYTES);
      const read = orRefused(['LinkDamaged'], () =>
        link.decodeAnswer(linkKey, challenge, get, source),
      );
      if (read) mustBe(source.equals(answer), 'believed');
      orRefused(['LinkDamaged'], () => link.decodeHello(sized(bytes, link.HELLO_BYTES)));
    },
    3,
  ),
  parser(
    'acknowledgements',
    fc.tuple(bytesLike(acks), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })),
    ([bytes, sizes]) => {
      const reader = new link.AckReader(linkKey, challenge, get);
      let rest: Buffer = Buffer.alloc(0);
      let believed = -1;
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const piece = bytes.subarray(at, at + (sizes[turn % sizes.length] ?? 1));
        at += piece.length;
        const source = Buffer.concat([rest, piece]);
        const read = orRefused(['LinkDamaged'], () => reader.decode(source));
        if (!read) return;
        rest = read.rest;
        if (!read.last) continue;
        const which = said.findIndex((one) => String(one) === String(read.last));
        mustBe(which > believed, 'believed what was not said, or again');
        believed = which;
      }
    },
    3,
  ),
];
