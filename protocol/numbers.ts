/** Numbers as they may be on the wire. All whole ones are exact: within 2^53. */
import { z } from 'zod';

/** Bytes, positions, how many of something. */
export const Count = z.int().min(0);

/** Streams of a pass are 16 bits on the data link. */
export const Unsigned16 = z.int().min(0).max(0xffff);

/** Passes, epochs and nodes are 32 bits on the data link. */
export const Unsigned32 = z.int().min(0).max(0xffff_ffff);

/** Of a whole: 0 to 1. */
export const Share = z.number().min(0).max(1);

/** Milliseconds, or bytes in a second. */
export const Amount = z.number().min(0);

export const ExitCode = z.int().min(0).max(255);
