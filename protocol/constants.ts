/** Every tunable number of the wire in one place. */

/** Version of the control link and the frames. Both sides must agree exactly. */
export const PROTOCOL_VERSION = 3;

/** Default ports. 30765/30764/4957/12345 are the original KA's. */
export const PORTS = {
  control: 30765,
  data: 30764,
  offer: 4957,
  status: 12345,
  /** Kernel, initrd and boot scripts by HTTP. */
  boot: 30780,
  /** Where a node says that it runs from its own disk. */
  home: 30766,
} as const;

/** Administratively scoped multicast group (RFC 2365) the golden announces on. */
export const OFFER_GROUP = '239.255.75.65';

/** The golden announces itself this often, in milliseconds. */
export const OFFER_INTERVAL_MS = 1000;

/** Times an agent looks for a session before it gives up, as the original did. */
export const DISCOVERY_TRIES = 5;

/** How long one try listens for an offer, in milliseconds. */
export const DISCOVERY_TRY_MS = 2000;

/** Largest payload of one frame, in bytes. */
export const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;

/** Bytes each hop may hold back for repair. */
export const DEFAULT_RING_BYTES = 64 * 1024 * 1024;

/** How many following nodes must have a byte before a hop forgets it (k). */
export const DEFAULT_REDUNDANCY = 3;

/** A hop acknowledges at least every so many bytes … */
export const ACK_BYTES = 8 * 1024 * 1024;

/** … or so many milliseconds after the last of them. */
export const ACK_INTERVAL_MS = 100;

/** The golden pings each control link this often; HEARTBEATS_MISSED in a row = out. */
export const HEARTBEAT_MS = 1000;
export const HEARTBEATS_MISSED = 3;

/** The golden's number in a chain; nodes count from 1. */
export const GOLDEN_NODE = 0;

/** Name and kind of the streams of noise the golden measures the line with. */
export const PROBE = 'probe';
/** So many of them, at most, in a pass. */
export const MOST_PROBES = 2;
