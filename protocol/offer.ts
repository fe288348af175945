/** The datagrams by which golden and nodes find each other (UDP, one JSON object each). */
import { z } from 'zod';

/** Golden → everyone, each second, and at once when asked. */
export const Offer = z.object({
  ka: z.literal('offer'),
  protocol: z.int(),
  session: z.string(),
  /** Address of the control link; null = the address this datagram came from. */
  host: z.string().nullable(),
  port: z.int(),
  /** SHA-256 of the golden's certificate, hex, colons, upper case. */
  fingerprint: z.string(),
  present: z.int(),
  wanted: z.int(),
  state: z.enum(['waiting', 'running']),
});
export type Offer = z.infer<typeof Offer>;

/**
 * Node → everyone: is a golden there? Every golden answers, whatever its session
 * and version: the node compares, so that it can say why it took none.
 */
export const Query = z.object({ ka: z.literal('query') });
export type Query = z.infer<typeof Query>;
