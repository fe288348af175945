/** Tunable numbers of the data plane that are nobody else's business. Times in milliseconds. */

/** Most given to a socket at once, in bytes. */
export const SEND_BYTES = 4 * 1024 * 1024;

/** Frames given to a sink at once, in bytes: a slow one shall still be seen to move. */
export const SINK_BYTES = 1024 * 1024;

/** Largest payload of an encrypted frame: it is decrypted in one piece, while it is checked. */
export const SEALED_FRAME_BYTES = 1024 * 1024;

/** Memory for what was decrypted and the sink has not taken yet. */
export const CLEAR_BYTES = 4 * SEALED_FRAME_BYTES;

/** Most a link waits for before it reads, in bytes: the whole of a frame, but no more at once. */
export const WAKE_BYTES = 1024 * 1024;

/** Dial to answer, and accept to request. */
export const HANDSHAKE_MS = 2000;

/** So many connections may be about to ask for something; one more ends the oldest. */
export const HANDSHAKES_MAX = 64;

/** Wait before dialling again: from the first to the longest, doubled each time. */
export const REDIAL_FIRST_MS = 50;
export const REDIAL_LONGEST_MS = 500;

/** An acknowledgement goes up at least this often, changed or not. */
export const KEEP_ALIVE_MS = 1000;

/** A downstream that has not acknowledged anything for so long is reported. */
export const SILENCE_MS = 3000;

/** A frame that stops in the middle for so long is fetched again. */
export const STALL_MS = 2000;

/** A frame of the golden is sent when it is full, or so long after its first byte. */
export const FLUSH_MS = 20;

/** Waiting for whole frames may make a stream so much longer, over all nodes together. */
export const FRAMES_DELAY_SHARE = 0.01;
export const FRAME_LEAST_BYTES = 64 * 1024;
