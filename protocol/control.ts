/**
 * Messages of the control link (WebSocket over TLS, one JSON object per text
 * message). The golden decides, nodes report. Both sides check every message
 * against these schemas; one that does not fit closes that link with a reason.
 */
import { z } from 'zod';
import { HostName, IpAddress, Port, SessionName } from '../system/names.ts';
import { isPrintable } from '../system/printable.ts';
import { Nonce } from '../trust/code.ts';
import { Failure } from './failure.ts';
import { HomeCall } from './home.ts';
import { Inventory } from './inventory.ts';
import { Network } from './network.ts';
import { Amount, Count, Share, Unsigned32 } from './numbers.ts';
import { Line, LogLine, Name } from './text.ts';
import { Sha256, StreamRecord } from './vouch.ts';

/** Lines of a log in one message. */
const MAX_LOG_LINES = 10_000;

/** How many following nodes a hop keeps bytes for; an acknowledgement has a byte for their number. */
const Redundancy = z.int().min(1).max(255);

/** Streams of a pass: each partition has one. */
export const MAX_STREAMS = 10_000;

/** Made by the golden from random bytes: base64url, hex. */
const Token = z.string().regex(/^[\w-]{1,128}$/);

/** PATH_MAX of Linux; those of the plan were checked more closely. */
const MountPoint = z.string().max(4095).refine(isPrintable);

/** As `settleModuleName` makes them: "mount-2f". */
const ModuleName = z.string().regex(/^mount-(?:[0-9a-f]{2}){1,4095}$/);

/** Key of one link of a chain, 32 bytes in base64. Nobody but its two ends and the golden has it. */
const LinkKey = z.string().regex(/^[A-Za-z0-9+/]{43}=$/);

/** The node expected to dial in, and the key of the link to it. */
export const LinkPeer = z.object({ node: Unsigned32, key: LinkKey });
export type LinkPeer = z.infer<typeof LinkPeer>;

/** Where a node stands in the chain from now on; `epoch` grows with every decision. */
export const ChainOrder = z.object({
  pass: Unsigned32,
  epoch: Unsigned32,
  upstream: LinkPeer.extend({
    /** Empty for the golden: each node knows by which of its addresses it reaches that. */
    host: IpAddress.or(z.literal('')),
    port: Port,
  }),
  /** null for the last of the chain. */
  downstream: LinkPeer.nullable(),
});
export type ChainOrder = z.infer<typeof ChainOrder>;

export const Position = z.object({
  type: z.literal('position'),
  pass: Unsigned32,
  /** Bytes of the pass verified into the ring. */
  received: Count,
  /** Bytes of the pass the local sink has taken. */
  drained: Count,
  /** Whether its upstream serves it. */
  linked: z.boolean(),
  /** Name of the stream being received, if any. */
  stream: Name.nullable(),
  /** Payload bytes of that stream received so far. */
  streamBytes: Count,
  /** Share of the last interval spent waiting, 0…1: for upstream, for the sink, for the downstream. */
  waiting: z.object({ upstream: Share, sink: Share, downstream: Share }),
});

/** What an admitted node says. */
export const NodeMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('step'),
    step: Name,
    state: z.enum(['start', 'progress', 'finish', 'skip', 'fail']),
    detail: Line.optional(),
    failure: Failure.optional(),
  }),
  Position,
  /** Something an operator should know of, though this node gets along. */
  z.object({ type: z.literal('warning'), message: Line }),
  z.object({
    type: z.literal('trouble'),
    pass: Unsigned32,
    epoch: Unsigned32,
    what: z.enum([
      'upstream-lost',
      'downstream-lost',
      'downstream-silent',
      'damaged',
      'gone',
      'sink-failed',
    ]),
    message: Line,
  }),
  /** What the machine has, looked at again with the drivers of stage2. */
  z.object({ type: z.literal('inventory'), inventory: Inventory }),
  /** The phase is over on this node: it is ready for streams, or finished, or failed for good. */
  z.object({
    type: z.literal('phase'),
    phase: z.enum(['prepared', 'received', 'complete', 'failed']),
    failure: Failure.optional(),
  }),
  z.object({ type: z.literal('log'), lines: z.array(LogLine).max(MAX_LOG_LINES) }),
]);
export type NodeMessage = z.infer<typeof NodeMessage>;

export const GoldenMessage = z.discriminatedUnion('type', [
  /** The golden's half of a code; the node opens its commitment. */
  z.object({ type: z.literal('challenge'), nonce: Nonce }),
  /** Another node has the same code: commit again. */
  z.object({ type: z.literal('again') }),
  z.object({
    type: z.literal('welcome'),
    session: SessionName,
    /** This node's number: 1, 2, …; the golden is 0. */
    node: Unsigned32,
    /** Host name this node is known by from now on. */
    name: HostName,
    /** Names and states for the agent's own screen: how many are here of how many. */
    present: Count,
    wanted: Count,
    /** The golden's clock, milliseconds since 1970. */
    time: Amount,
  }),
  z.object({ type: z.literal('waiting'), present: Count, wanted: Count }),
  /** Stage2 comes with the next pass, so many bytes of squashfs. */
  z.object({
    type: z.literal('equip'),
    bytes: Count,
    /** Of the squashfs, from the manifest of its image. */
    sha256: Sha256,
    ringBytes: Count,
  }),
  z.object({
    type: z.literal('plan'),
    /** A ClonePlan; its shape belongs to `desc/clone-plan.ts`. */
    plan: z.record(z.string(), z.unknown()),
  }),
  z.object({
    type: z.literal('pass'),
    order: ChainOrder,
    network: Network,
    /** Of this pass only, 16 bytes in base64: authenticates its frames, and encrypts them. */
    key: z.string().regex(/^[A-Za-z0-9+/]{22}==$/),
    ringBytes: Count,
    redundancy: Redundancy,
  }),
  z.object({ type: z.literal('chain'), order: ChainOrder }),
  /** A stream of a pass has ended, and this is what the golden sent. */
  StreamRecord.extend({ type: z.literal('vouch'), pass: Unsigned32 }),
  /** The pass has ended: the numbers of all its streams that were complete. */
  z.object({
    type: z.literal('vouched'),
    pass: Unsigned32,
    streams: z.array(Unsigned32).max(MAX_STREAMS),
  }),
  /** This node is out of the running pass (and of the session when `final`). */
  z.object({ type: z.literal('eject'), reason: Line, final: z.boolean() }),
  /** Streams are all in: settle and finish the machine. */
  z.object({
    type: z.literal('complete'),
    /** Password of the rsync module on the golden, this node only. */
    settle: z
      .object({
        user: Token,
        secret: Token,
        /** Opens a settle channel; this node only. */
        token: Token,
        /** Name of the module on the golden for each mount point. */
        modules: z.record(MountPoint, ModuleName),
      })
      .nullable(),
    /** What the machine says, and where, once it runs from its own disk; null = nothing. */
    home: HomeCall.omit({ host: true }).nullable(),
  }),
  z.object({ type: z.literal('finish'), action: z.enum(['reboot', 'stay']), reason: Line }),
]);
export type GoldenMessage = z.infer<typeof GoldenMessage>;
