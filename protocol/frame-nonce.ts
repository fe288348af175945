/** The nonce of a frame: in a file of its own, for the thread that needs nothing else of frames. */

const TWO_TO_32 = 2 ** 32;

/** Of the frame at `position` of a pass: 12 bytes, pass u32 | position u64, which never come twice under one key. */
export const frameNonce = (pass: number, position: number): Buffer => {
  const nonce = Buffer.allocUnsafe(12);
  nonce.writeUInt32BE(pass, 0);
  nonce.writeUInt32BE(Math.floor(position / TWO_TO_32), 4);
  nonce.writeUInt32BE(position % TWO_TO_32, 8);
  return nonce;
};
