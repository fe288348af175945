/** The datagrams by which golden and nodes find each other (UDP, one JSON object each). */
import { z } from 'zod';
import { IpAddress, Port, SessionName } from '../system/names.ts';
import { Pin } from '../trust/pin.ts';

/** Golden → everyone, each second, and at once when asked. */
export const Offer = z.object({
  ka: z.literal('offer'),
  protocol: z.int(),
  session: SessionName,
  /** Address of the control link; null = the address this datagram came from. */
  host: IpAddress.nullable(),
  port: Port,
  /** Pin of the golden's key. It proves nothing: whoever offers can copy it. */
  fingerprint: Pin,
  /** Whom the session lets in. */
  admit: z.enum(['secret', 'list', 'open']),
  present: z.int().min(0),
  wanted: z.int().min(0),
  state: z.enum(['waiting', 'running']),
});
export type Offer = z.infer<typeof Offer>;

/** The part of an offer that every version had, to say why it is not taken. */
export const AnyOffer = z.object({ ka: z.literal('offer'), protocol: z.int() });

/**
 * Node → everyone: is a golden there? Every golden answers, whatever its session
 * and version: the node compares, so that it can say why it took none.
 */
export const Query = z.object({ ka: z.literal('query') });
export type Query = z.infer<typeof Query>;
