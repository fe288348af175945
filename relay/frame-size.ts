/** How large the golden's DATA frames should be. Decides only. */
import { MAX_PAYLOAD_BYTES } from '../protocol/constants.ts';
import { FRAME_HEADER_BYTES } from '../protocol/frame.ts';
import { FRAME_LEAST_BYTES, FRAME_MS } from './tuning.ts';

/** Share of a measured rate that replaces the old estimate. */
const NEW_SHARE = 0.5;

const powerOfTwoBelow = (bytes: number): number => 2 ** Math.floor(Math.log2(bytes));

/**
 * A hop forwards a frame when the whole of it is here and checked, so each hop
 * delays the stream by the time one frame takes on its line, and a delay won
 * early is never lost again. Frames therefore start small and grow only with
 * the rate at which the first node is seen to take them.
 *
 * Frames end where the ring's blocks end: then one read, one check and one
 * write move a whole frame, and none of them is cut in two.
 */
export class FrameSize {
  readonly #mostBytes: number;
  #bytesPerMs = 0;
  #lastPosition = 0;

  constructor(ringMaxPayloadBytes: number) {
    this.#mostBytes = powerOfTwoBelow(Math.min(MAX_PAYLOAD_BYTES, ringMaxPayloadBytes));
  }

  /** Payload bytes of the frame that begins at `position`. */
  payloadAt(position: number): number {
    const wanted = Math.max(FRAME_LEAST_BYTES, this.#bytesPerMs * FRAME_MS);
    const size = Math.min(powerOfTwoBelow(wanted), this.#mostBytes);
    const payload = size - (position % size) - FRAME_HEADER_BYTES;
    return payload > 0 ? payload : payload + size;
  }

  /** `position` is what the first node has now, `elapsedMs` after the last call. */
  measure(position: number, elapsedMs: number): void {
    const rate = (position - this.#lastPosition) / elapsedMs;
    this.#lastPosition = position;
    this.#bytesPerMs += (rate - this.#bytesPerMs) * NEW_SHARE;
  }
}
