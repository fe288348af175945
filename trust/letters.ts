/** Secrets and pins as people can read them out: a–z and 2–7, five bits each (RFC 4648, 6). */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const BITS = 5;

/** The first `count` letters of the bytes; throws `RangeError` when there are fewer. */
export const letters = (bytes: Uint8Array, count: number): string => {
  if (bytes.length * 8 < count * BITS) throw new RangeError(`${count} letters need more bytes`);
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= BITS && text.length < count; bits -= BITS) {
      text += ALPHABET.charAt((held >> (bits - BITS)) & 31);
    }
  }
  return text;
};
