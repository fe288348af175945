/** How large the golden's DATA frames should be. Decides only. */
import { MAX_PAYLOAD_BYTES } from '../protocol/constants.ts';
import { FRAME_LEAST_BYTES, FRAME_MS } from './tuning.ts';

/** Share of a measured rate that replaces the old estimate. */
const NEW_SHARE = 0.5;

/**
 * A hop forwards a frame when the whole of it is here and checked, so each hop
 * delays the stream by the time one frame takes on its line, and a delay won
 * early is never lost again. Frames therefore start small and grow only with
 * the rate at which the first node is seen to take them.
 */
export class FrameSize {
  readonly #mostBytes: number;
  #bytesPerMs = 0;
  #lastPosition = 0;

  constructor(ringMaxPayloadBytes: number) {
    this.#mostBytes = Math.min(MAX_PAYLOAD_BYTES, ringMaxPayloadBytes);
  }

  /** Payload bytes of the next frame. */
  get bytes(): number {
    const wanted = Math.max(FRAME_LEAST_BYTES, Math.floor(this.#bytesPerMs * FRAME_MS));
    return Math.min(wanted, this.#mostBytes);
  }

  /** `position` is what the first node has now, `elapsedMs` after the last call. */
  measure(position: number, elapsedMs: number): void {
    const rate = (position - this.#lastPosition) / elapsedMs;
    this.#lastPosition = position;
    this.#bytesPerMs += (rate - this.#bytesPerMs) * NEW_SHARE;
  }
}
