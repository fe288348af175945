/** What the golden's frames say of each other. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  FRAME_HEADER_BYTES,
  type FrameHeader,
  FrameType,
  readFrameHeader,
} from '../../protocol/frame.ts';
import { chunkSource } from '../../relay/byte-source.ts';
import { frameCipher } from '../../relay/frame-cipher.ts';
import { payloadAt } from '../../relay/frame-size.ts';
import { FrameWriter } from '../../relay/frame-writer.ts';
import { Ring } from '../../relay/ring.ts';
import { FLUSH_MS, FRAME_LEAST_BYTES } from '../../relay/tuning.ts';
import { eventually } from '../support/eventually.ts';
import { begin, Chain, key } from './support/chain.ts';

const FRAME = 16 * 1024;

const makeWriter = (): { ring: Ring; writer: FrameWriter; headers(): FrameHeader[] } => {
  const ring = new Ring(1024 * 1024);
  const writer = new FrameWriter({
    ring,
    cipher: frameCipher('open', key, 1),
    pass: 1,
    payloadAt: (position) => payloadAt(position, FRAME),
    room: () => Promise.reject(new Error('the ring is large enough')),
    onSealed: () => undefined,
  });
  const headers = (): FrameHeader[] => {
    const found: FrameHeader[] = [];
    for (let position = 0; position < ring.verified; ) {
      const header = readFrameHeader(ring.joined(position, position + FRAME_HEADER_BYTES), 0);
      expect(header.position).toBe(position);
      found.push(header);
      position += FRAME_HEADER_BYTES + header.payloadBytes;
    }
    return found;
  };
  return { ring, writer, headers };
};

/** Fills `bytes` without a pause. */
const fill = (writer: FrameWriter, bytes: number): void => {
  for (let left = bytes; left > 0; ) {
    const space = writer.space();
    const here = Math.min(left, space.length);
    randomBytes(here).copy(space);
    left -= here;
    writer.filled(here);
  }
};

const length = ({ payloadBytes }: FrameHeader): number => FRAME_HEADER_BYTES + payloadBytes;

describe('frames of a fast source', () => {
  test('tell how long the next one is, wherever it is whole already', async () => {
    const { writer, headers } = makeWriter();
    await writer.begin(begin('s'));
    fill(writer, 5 * FRAME + 100);
    await writer.end();
    const frames = headers();
    expect(frames.map(({ type }) => type)).toEqual([
      FrameType.begin,
      ...Array.from({ length: 6 }, () => FrameType.data),
      FrameType.end,
    ]);
    frames.forEach(({ type, nextBytes }, index) => {
      const next = frames[index + 1];
      // Behind the last DATA frame the stream's sum has to be made first.
      const tells = type === FrameType.data && next?.type === FrameType.data;
      expect(nextBytes).toBe(tells ? length(next) : 0);
    });
  });

  test('never promise what does not follow: a frame too slow to be filled ends the promise', async () => {
    const { ring, writer, headers } = makeWriter();
    await writer.begin(begin('s'));
    fill(writer, 2 * FRAME);
    const before = ring.verified;
    const startMs = performance.now();
    while (performance.now() - startMs <= 2 * FLUSH_MS) fill(writer, 1);
    const frames = headers();
    expect(ring.verified).toBeGreaterThan(before);
    frames.forEach(({ nextBytes }, index) => {
      const next = frames[index + 1];
      if (nextBytes > 0) expect(next === undefined ? null : length(next)).toBe(nextBytes);
    });
    expect(frames.at(-1)?.nextBytes).toBe(0);
  });
});

describe('a chain whose source pauses', () => {
  let chain: Chain | null = null;

  afterEach(async () => {
    await chain?.close();
    chain = null;
  });

  test('does not keep a whole frame back until the source goes on', async () => {
    chain = new Chain({ nodes: 2 });
    await chain.listen();
    chain.order([1, 2]);
    const pause = Promise.withResolvers<void>();
    const frame = payloadAt(0, FRAME_LEAST_BYTES);
    const source = async function* () {
      yield randomBytes(1.5 * frame);
      await pause.promise;
    };
    const sending = chain.origin.send(begin('s'), chunkSource(source()));
    const { hop } = chain.node(2);
    // The first frame is whole, the second is not.
    await eventually('the last node has it', () => hop.stats().streamBytes > frame / 2);
    pause.resolve();
    await sending;
    await chain.origin.finish();
    await chain.origin.emptied;
  });
});
