/**
 * Messages of the control link (WebSocket over TLS, one JSON object per text
 * message). The golden decides, nodes report. Both sides check every message
 * against these schemas; one that does not fit closes that link with a reason.
 */
import { z } from 'zod';
import { Nonce } from '../trust/code.ts';
import { Failure } from './failure.ts';
import { Inventory } from './inventory.ts';
import { Network } from './network.ts';
import { Sha256, StreamRecord } from './vouch.ts';

/** Key of one link of a chain, 32 bytes in base64. Nobody but its two ends and the golden has it. */
const LinkKey = z.string().regex(/^[A-Za-z0-9+/]{43}=$/);

/** The node expected to dial in, and the key of the link to it. */
export const LinkPeer = z.object({ node: z.int(), key: LinkKey });
export type LinkPeer = z.infer<typeof LinkPeer>;

/** Where a node stands in the chain from now on; `epoch` grows with every decision. */
export const ChainOrder = z.object({
  pass: z.int(),
  epoch: z.int(),
  upstream: LinkPeer.extend({ host: z.string(), port: z.int() }),
  /** null for the last of the chain. */
  downstream: LinkPeer.nullable(),
});
export type ChainOrder = z.infer<typeof ChainOrder>;

export const Position = z.object({
  type: z.literal('position'),
  pass: z.int(),
  /** Bytes of the pass verified into the ring. */
  received: z.int(),
  /** Bytes of the pass the local sink has taken. */
  drained: z.int(),
  /** Whether its upstream serves it. */
  linked: z.boolean(),
  /** Name of the stream being received, if any. */
  stream: z.string().nullable(),
  /** Payload bytes of that stream received so far. */
  streamBytes: z.int(),
  /** Share of the last interval spent waiting, 0…1: for upstream, for the sink, for the downstream. */
  waiting: z.object({ upstream: z.number(), sink: z.number(), downstream: z.number() }),
});

/** What an admitted node says. */
export const NodeMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('step'),
    step: z.string(),
    state: z.enum(['start', 'progress', 'finish', 'skip', 'fail']),
    detail: z.string().optional(),
    failure: Failure.optional(),
  }),
  Position,
  /** Something an operator should know of, though this node gets along. */
  z.object({ type: z.literal('warning'), message: z.string() }),
  z.object({
    type: z.literal('trouble'),
    pass: z.int(),
    epoch: z.int(),
    what: z.enum([
      'upstream-lost',
      'downstream-lost',
      'downstream-silent',
      'damaged',
      'gone',
      'sink-failed',
    ]),
    message: z.string(),
  }),
  /** What the machine has, looked at again with the drivers of stage2. */
  z.object({ type: z.literal('inventory'), inventory: Inventory }),
  /** The phase is over on this node: it is ready for streams, or finished, or failed for good. */
  z.object({
    type: z.literal('phase'),
    phase: z.enum(['prepared', 'received', 'complete', 'failed']),
    failure: Failure.optional(),
  }),
  z.object({ type: z.literal('log'), lines: z.array(z.string()) }),
]);
export type NodeMessage = z.infer<typeof NodeMessage>;

export const GoldenMessage = z.discriminatedUnion('type', [
  /** The golden's half of a code; the node opens its commitment. */
  z.object({ type: z.literal('challenge'), nonce: Nonce }),
  /** Another node has the same code: commit again. */
  z.object({ type: z.literal('again') }),
  z.object({
    type: z.literal('welcome'),
    session: z.string(),
    /** This node's number: 1, 2, …; the golden is 0. */
    node: z.int(),
    /** Host name this node is known by from now on. */
    name: z.string(),
    /** Names and states for the agent's own screen: how many are here of how many. */
    present: z.int(),
    wanted: z.int(),
    /** The golden's clock, milliseconds since 1970. */
    time: z.number(),
  }),
  z.object({ type: z.literal('waiting'), present: z.int(), wanted: z.int() }),
  /** Stage2 comes with the next pass, so many bytes of squashfs. */
  z.object({
    type: z.literal('equip'),
    bytes: z.int(),
    /** Of the squashfs, from the manifest of its image. */
    sha256: Sha256,
    ringBytes: z.int(),
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
    ringBytes: z.int(),
    redundancy: z.int(),
  }),
  z.object({ type: z.literal('chain'), order: ChainOrder }),
  /** A stream of a pass has ended, and this is what the golden sent. */
  StreamRecord.extend({ type: z.literal('vouch'), pass: z.int() }),
  /** The pass has ended: the numbers of all its streams that were complete. */
  z.object({ type: z.literal('vouched'), pass: z.int(), streams: z.array(z.int()) }),
  /** This node is out of the running pass (and of the session when `final`). */
  z.object({ type: z.literal('eject'), reason: z.string(), final: z.boolean() }),
  /** Streams are all in: settle and finish the machine. */
  z.object({
    type: z.literal('complete'),
    /** Password of the rsync module on the golden, this node only. */
    settle: z
      .object({
        user: z.string(),
        secret: z.string(),
        /** Opens a settle channel; this node only. */
        token: z.string(),
        /** Name of the module on the golden for each mount point. */
        modules: z.record(z.string(), z.string()),
      })
      .nullable(),
    /** What the machine says, and where, once it runs from its own disk; null = nothing. */
    home: z.object({ port: z.int(), token: z.string() }).nullable(),
  }),
  z.object({ type: z.literal('finish'), action: z.enum(['reboot', 'stay']), reason: z.string() }),
]);
export type GoldenMessage = z.infer<typeof GoldenMessage>;
