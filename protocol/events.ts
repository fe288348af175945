/**
 * The one stream of events a session emits. The journal, the board, plain and
 * JSON output, the report and the exit code are all subscribers of it. Every
 * start has a finish. Written one JSON object a line by the journal and by
 * `--ui json`, so the shapes are also a public format.
 */
import { z } from 'zod';
import { Mac, SessionName } from '../system/names.ts';
import { Failure } from './failure.ts';
import { MAX_MACS } from './inventory.ts';
import { Network } from './network.ts';
import { Amount, Count, ExitCode, Unsigned32 } from './numbers.ts';
import { Line, Name } from './text.ts';

const base = {
  /** Milliseconds since 1970. */
  time: Amount,
};

/** Where a node stands, seen from the golden. */
export const NodeState = z.enum([
  'waiting', // joined, waits for the session to start
  'preparing', // disk steps before the streams
  'ready', // prepared, waits for the pass
  'receiving', // in the chain
  'received', // has all streams
  'finishing', // settle … reboot
  'done', // cloned and let go
  'booting', // cloned, restarts from its own disk
  'booted', // has said so from there
  'bypassed', // out of this pass, will be in the next
  'failed', // a step failed; the reason is in `failure`
  'lost', // gone and did not come back
  'refused', // never let in
]);
export type NodeState = z.infer<typeof NodeState>;

/** States of a node that is cloned, and verified where it clones to disks. */
export const clonedStates: ReadonlySet<NodeState> = new Set(['done', 'booting', 'booted']);

export const SessionEvent = z.discriminatedUnion('kind', [
  z.object({
    ...base,
    kind: z.literal('session'),
    state: z.enum(['open', 'started', 'finished']),
    name: SessionName,
    address: Name,
    wanted: Count,
    fingerprint: Name.optional(),
    /** On `open`. */
    network: Network.optional(),
    /** What will be done, as shown to the admin; on `open`. */
    plan: z.array(Line).optional(),
    /** On `finished`. */
    exitCode: ExitCode.optional(),
    failure: Failure.optional(),
  }),
  z.object({
    ...base,
    kind: z.literal('node'),
    node: Unsigned32,
    name: Name,
    address: Name,
    state: NodeState,
    /** Why, in words, whenever it is not simply moving. */
    why: Line.optional(),
    failure: Failure.optional(),
    /** Of all its linked interfaces, as it says; first = the one that reaches the golden. */
    macs: z.array(Mac).max(MAX_MACS),
    /** The one its ticket was made for: what network boot knows the machine by. */
    bootMac: Mac.optional(),
  }),
  /** A machine without a secret that asks to be let in, and what became of it. */
  z.object({
    ...base,
    kind: z.literal('request'),
    /** 1, 2, … */
    request: Unsigned32,
    /** `pending`: its code is known; `gone`: it left, or nobody said yes in time. */
    state: z.enum(['pending', 'admitted', 'denied', 'gone']),
    name: Name,
    address: Name,
    macs: z.array(Mac).max(MAX_MACS),
    /** Six digits, the same as on its own screen. */
    code: Name,
    /** Whether its side has said yes. */
    agreed: z.boolean(),
    /** Why it has to ask, where it had a ticket. */
    why: Line.optional(),
  }),
  /** Chain in order, node numbers, golden (0) not listed; at each pass start and each repair. */
  z.object({
    ...base,
    kind: z.literal('chain'),
    pass: Unsigned32,
    epoch: Unsigned32,
    order: z.array(Unsigned32),
    why: Line.optional(),
  }),
  z.object({
    ...base,
    kind: z.literal('pass'),
    pass: Unsigned32,
    /** Number of passes known to be needed so far. */
    of: Count,
    state: z.enum(['start', 'finish']),
    nodes: z.array(Unsigned32),
    /** Sum of the expected sizes of the streams; 0 = unknown. */
    expectedBytes: Count,
    /** On start: chosen by measuring. */
    encoding: z.enum(['identity', 'zstd']).optional(),
    /** On finish, in the original's terms. Bytes on the line, first byte → source end, source end → last node. */
    sentBytes: Count.optional(),
    transferMs: Amount.optional(),
    emptiedMs: Amount.optional(),
  }),
  z.object({
    ...base,
    kind: z.literal('stream'),
    pass: Unsigned32,
    name: Name,
    state: z.enum(['start', 'finish', 'fail']),
    /** Before compression; on finish. */
    sourceBytes: Count.optional(),
    /** After compression; on finish. */
    sentBytes: Count.optional(),
    expectedBytes: Count.optional(),
    failure: Failure.optional(),
  }),
  z.object({
    ...base,
    kind: z.literal('step'),
    node: Unsigned32,
    step: Name,
    state: z.enum(['start', 'progress', 'finish', 'skip', 'fail']),
    detail: Line.optional(),
    failure: Failure.optional(),
  }),
  /** Twice a second while a pass runs. Rates in bytes per second, over the last seconds. */
  z.object({
    ...base,
    kind: z.literal('progress'),
    pass: Unsigned32,
    stream: Name.nullable(),
    /** Bytes put on the line by the golden in this pass, without the noise that measures it; so with all here. */
    sentBytes: Count,
    /** Bytes of source data those stand for (uncompressed). */
    sourceBytes: Count,
    lineRate: Amount,
    sourceRate: Amount,
    etaMs: Amount.nullable(),
    /** What holds the chain back now: "golden: reading", "node02: disk". */
    limit: Line.nullable(),
    nodes: z.array(
      z.object({
        node: Unsigned32,
        received: Count,
        drained: Count,
        rate: Amount,
        /** Bytes behind the golden. */
        behind: Count,
        limit: z.enum(['upstream', 'disk', 'downstream']).nullable(),
      }),
    ),
  }),
  z.object({
    ...base,
    kind: z.literal('log'),
    /** null = the golden. */
    node: Unsigned32.nullable(),
    level: z.enum(['info', 'warning', 'error']),
    message: Line,
  }),
]);
export type SessionEvent = z.infer<typeof SessionEvent>;

/** `Omit` that keeps the union apart. */
type WithoutTime<T> = T extends unknown ? Omit<T, 'time'> : never;

/** What emitters hand in; the bus adds the time. */
export type NewEvent = WithoutTime<SessionEvent>;
