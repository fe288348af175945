/**
 * The one stream of events a session emits. The journal, the board, plain and
 * JSON output, the report and the exit code are all subscribers of it. Every
 * start has a finish. Written one JSON object a line by the journal and by
 * `--ui json`, so the shapes are also a public format.
 */
import { z } from 'zod';
import { Failure } from './failure.ts';
import { Network } from './network.ts';

const base = {
  /** Milliseconds since 1970. */
  time: z.number(),
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
    name: z.string(),
    address: z.string(),
    wanted: z.int(),
    fingerprint: z.string().optional(),
    /** On `open`. */
    network: Network.optional(),
    /** What will be done, as shown to the admin; on `open`. */
    plan: z.array(z.string()).optional(),
    /** On `finished`. */
    exitCode: z.int().optional(),
    failure: Failure.optional(),
  }),
  z.object({
    ...base,
    kind: z.literal('node'),
    node: z.int(),
    name: z.string(),
    address: z.string(),
    state: NodeState,
    /** Why, in words, whenever it is not simply moving. */
    why: z.string().optional(),
    failure: Failure.optional(),
    /** Of all its linked interfaces, as it says; first = the one that reaches the golden. */
    macs: z.array(z.string()),
    /** The one its ticket was made for: what network boot knows the machine by. */
    bootMac: z.string().optional(),
  }),
  /** A machine without a secret that asks to be let in, and what became of it. */
  z.object({
    ...base,
    kind: z.literal('request'),
    /** 1, 2, … */
    request: z.int(),
    /** `pending`: its code is known; `gone`: it left, or nobody said yes in time. */
    state: z.enum(['pending', 'admitted', 'denied', 'gone']),
    name: z.string(),
    address: z.string(),
    macs: z.array(z.string()),
    /** Six digits, the same as on its own screen. */
    code: z.string(),
    /** Whether its side has said yes. */
    agreed: z.boolean(),
    /** Why it has to ask, where it had a ticket. */
    why: z.string().optional(),
  }),
  /** Chain in order, node numbers, golden (0) not listed; at each pass start and each repair. */
  z.object({
    ...base,
    kind: z.literal('chain'),
    pass: z.int(),
    epoch: z.int(),
    order: z.array(z.int()),
    why: z.string().optional(),
  }),
  z.object({
    ...base,
    kind: z.literal('pass'),
    pass: z.int(),
    /** Number of passes known to be needed so far. */
    of: z.int(),
    state: z.enum(['start', 'finish']),
    nodes: z.array(z.int()),
    /** Sum of the expected sizes of the streams; 0 = unknown. */
    expectedBytes: z.int(),
    /** On start: chosen by measuring. */
    encoding: z.enum(['identity', 'zstd']).optional(),
    /** On finish, in the original's terms. Bytes on the line, first byte → source end, source end → last node. */
    sentBytes: z.int().optional(),
    transferMs: z.number().optional(),
    emptiedMs: z.number().optional(),
  }),
  z.object({
    ...base,
    kind: z.literal('stream'),
    pass: z.int(),
    name: z.string(),
    state: z.enum(['start', 'finish', 'fail']),
    /** Before compression; on finish. */
    sourceBytes: z.int().optional(),
    /** After compression; on finish. */
    sentBytes: z.int().optional(),
    expectedBytes: z.int().optional(),
    failure: Failure.optional(),
  }),
  z.object({
    ...base,
    kind: z.literal('step'),
    node: z.int(),
    step: z.string(),
    state: z.enum(['start', 'progress', 'finish', 'skip', 'fail']),
    detail: z.string().optional(),
    failure: Failure.optional(),
  }),
  /** Twice a second while a pass runs. Rates in bytes per second, over the last seconds. */
  z.object({
    ...base,
    kind: z.literal('progress'),
    pass: z.int(),
    stream: z.string().nullable(),
    /** Bytes put on the line by the golden in this pass, without the noise that measures it; so with all here. */
    sentBytes: z.int(),
    /** Bytes of source data those stand for (uncompressed). */
    sourceBytes: z.int(),
    lineRate: z.number(),
    sourceRate: z.number(),
    etaMs: z.number().nullable(),
    /** What holds the chain back now: "golden: reading", "node02: disk". */
    limit: z.string().nullable(),
    nodes: z.array(
      z.object({
        node: z.int(),
        received: z.int(),
        drained: z.int(),
        rate: z.number(),
        /** Bytes behind the golden. */
        behind: z.int(),
        limit: z.enum(['upstream', 'disk', 'downstream']).nullable(),
      }),
    ),
  }),
  z.object({
    ...base,
    kind: z.literal('log'),
    /** null = the golden. */
    node: z.int().nullable(),
    level: z.enum(['info', 'warning', 'error']),
    message: z.string(),
  }),
]);
export type SessionEvent = z.infer<typeof SessionEvent>;

/** `Omit` that keeps the union apart. */
type WithoutTime<T> = T extends unknown ? Omit<T, 'time'> : never;

/** What emitters hand in; the bus adds the time. */
export type NewEvent = WithoutTime<SessionEvent>;
