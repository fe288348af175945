/** How large the golden's DATA frames should be. Decides only. */
import { MAX_PAYLOAD_BYTES } from '../protocol/constants.ts';
import { FRAME_HEADER_BYTES } from '../protocol/frame.ts';
import { FRAME_LEAST_BYTES, FRAMES_DELAY_SHARE } from './tuning.ts';

const powerOfTwoBelow = (bytes: number): number => 2 ** Math.floor(Math.log2(bytes));

/**
 * Size of frames, header included: a power of two. A hop forwards a frame when
 * the whole of it is here and checked, so each of `nodes` delays the stream by
 * the time a frame takes on its line. Small frames keep that low, large ones
 * cost less CPU: they may all together delay a stream of `expectedBytes` (null
 * = unknown) by a small share of its own time, whatever the line's rate is.
 */
export const frameSize = (
  expectedBytes: number | null,
  nodes: number,
  ringMaxPayloadBytes: number,
): number => {
  const wanted = ((expectedBytes ?? 0) * FRAMES_DELAY_SHARE) / Math.max(1, nodes);
  const most = Math.min(MAX_PAYLOAD_BYTES, ringMaxPayloadBytes);
  return powerOfTwoBelow(Math.min(Math.max(wanted, FRAME_LEAST_BYTES), most));
};

/**
 * Payload of the frame that begins at `position`. Frames end at multiples of
 * `size`, as the ring's blocks do: then one read, one check and one write move
 * a whole frame, and none of them is cut in two.
 */
export const payloadAt = (position: number, size: number): number => {
  const payload = size - (position % size) - FRAME_HEADER_BYTES;
  return payload > 0 ? payload : payload + size;
};
