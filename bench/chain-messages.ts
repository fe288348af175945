/** What the bench and the processes of ka's chain tell each other over the IPC channel of `spawn`. */
import { z } from 'zod';
import { ChainOrder } from '../protocol/control.ts';
import { Network } from '../protocol/network.ts';

const base = {
  network: Network,
  /** Of the pass, in base64. */
  key: z.string(),
  host: z.string(),
  ringBytes: z.int(),
};

export const HopRequest = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), ...base, node: z.int() }),
  z.object({ type: z.literal('follow'), order: ChainOrder }),
  /** Say when this position of the pass is here. */
  z.object({ type: z.literal('expect'), position: z.int() }),
]);
export type HopRequest = z.infer<typeof HopRequest>;

export const ChainSource = z.discriminatedUnion('kind', [
  /** One file, read as it is. */
  z.object({ kind: z.literal('file'), path: z.string() }),
  /** So many streams without a byte. */
  z.object({ kind: z.literal('empty'), streams: z.int() }),
  /** A directory tree as the golden sends it, encoding measured as the golden does. */
  z.object({ kind: z.literal('tree'), path: z.string() }),
]);
export type ChainSource = z.infer<typeof ChainSource>;

export const OriginRequest = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    ...base,
    nodes: z.int(),
    /** Of the link to the first node. */
    linkKey: z.string(),
    source: ChainSource,
  }),
  /** Measure the line, and choose the encoding where there is a choice. */
  z.object({ type: z.literal('measure') }),
  z.object({ type: z.literal('send') }),
]);
export type OriginRequest = z.infer<typeof OriginRequest>;

/** What either process says. */
export const ChainReport = z.discriminatedUnion('type', [
  z.object({ type: z.literal('listening'), port: z.int() }),
  /** Origin: it knows how to send; so much of the pass has gone by for it. */
  z.object({
    type: z.literal('measured'),
    encoding: z.enum(['identity', 'zstd']),
    position: z.int(),
  }),
  /** Hop: the position that was asked for is here. */
  z.object({ type: z.literal('reached') }),
  /** Origin: the source is read, and the first node has everything. */
  z.object({ type: z.literal('sent'), sourceBytes: z.int(), sentBytes: z.int() }),
  /** Hop: the whole pass is here and behind. `bytes` went to the sinks of the streams. */
  z.object({
    type: z.literal('finished'),
    bytes: z.int(),
    /** User and system time since the first stream began. */
    cpuSeconds: z.number(),
    /** Of that, what the event loop's thread took. */
    loopCpuSeconds: z.number(),
    maxRssBytes: z.int(),
  }),
  /** A link was lost or damaged; the chain repairs it by itself. */
  z.object({ type: z.literal('trouble'), message: z.string() }),
  z.object({ type: z.literal('failed'), message: z.string() }),
]);
export type ChainReport = z.infer<typeof ChainReport>;

/** The one pass and the one order of its chain. */
export const SESSION = 'bench';
export const PASS = 1;
export const EPOCH = 1;
