import { describe, expect, test } from '@jest/globals';
import {
  FRAME_HEADER_BYTES,
  frameKey,
  frameTag,
  readFrameHeader,
  readFrameJson,
  StreamEnd,
  writeFrameHeader,
} from '../../protocol/frame.ts';

const header = {
  type: 2,
  stream: 3,
  payloadBytes: 70_000,
  pass: 4,
  position: 2 ** 40 + 5,
  nextBytes: 65_536,
} as const;

const written = (): Buffer => {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + 3);
  writeFrameHeader(bytes, header);
  return bytes;
};

describe('a frame header', () => {
  test('reads back as it was written, from any offset', () => {
    expect(readFrameHeader(Buffer.concat([Buffer.from('abc'), written()]), 3)).toEqual(header);
  });

  test('has the documented layout', () => {
    expect(written().toString('hex', 0, 28)).toBe(
      '4b414631' + '03' + '02' + '0003' + '00011170' + '00000004' + '0000010000000005' + '00010000',
    );
  });

  test.each([
    ['another magic', 0, 0],
    ['another version', 4, 1],
    ['an unknown type', 5, 9],
    ['a payload beyond the limit', 8, 1],
  ])('with %s is refused', (_name, offset, value) => {
    const bytes = written();
    bytes[offset] = value;
    expect(() => readFrameHeader(bytes, 0)).toThrow(
      expect.objectContaining({ code: 'FrameDamaged' }),
    );
  });
});

describe('a frame tag', () => {
  const key = frameKey(Buffer.alloc(16, 1));
  const payload = Buffer.from('some payload of some length');
  const signed = written().subarray(0, 28);
  const tag = frameTag(key, 4, 5, signed, [payload]);

  test('does not depend on how the payload is cut', () => {
    const pieces = [payload.subarray(0, 1), payload.subarray(1, 18), payload.subarray(18)];
    expect(frameTag(key, 4, 5, signed, pieces)).toEqual(tag);
  });

  test('changes with key, pass, position, header and payload', () => {
    const other = Buffer.from(payload);
    other[3] = 0;
    const tags = [
      frameTag(frameKey(Buffer.alloc(16, 2)), 4, 5, signed, [payload]),
      frameTag(key, 5, 5, signed, [payload]),
      frameTag(key, 4, 5 + 2 ** 32, signed, [payload]),
      frameTag(key, 4, 5, Buffer.alloc(24), [payload]),
      frameTag(key, 4, 5, signed, [other]),
    ];
    for (const changed of tags) expect(changed.equals(tag)).toBe(false);
  });
});

test('text of a frame that does not fit its schema is damage', () => {
  for (const text of ['{', '{"bytes":1}', '{"bytes":1,"digest":"x"}']) {
    expect(() => readFrameJson(StreamEnd, Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'FrameDamaged' }),
    );
  }
});
