/** How much is expected of the network a session runs on. */
import { z } from 'zod';

/**
 * `open`: anybody may be on it. Streams are encrypted, and the golden vouches for
 * each. `trusted`: a closed one. Frames are authenticated, and nothing more.
 */
export const Network = z.enum(['open', 'trusted']);
export type Network = z.infer<typeof Network>;
