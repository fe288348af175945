/** The result of a session, written by `--report FILE` and kept beside the journal. */
import { z } from 'zod';
import { NodeState } from './events.ts';
import { Failure } from './failure.ts';
import { Network } from './network.ts';

export const Report = z.object({
  session: z.string(),
  version: z.string(),
  network: Network,
  started: z.number(),
  finished: z.number(),
  /** 0 = as many nodes cloned as were wanted, 2 = some, 1 = none. */
  exitCode: z.int(),
  /** Nodes the session was to clone (`-n`). */
  wanted: z.int(),
  failure: Failure.optional(),
  totals: z.object({
    passes: z.int(),
    sourceBytes: z.int(),
    sentBytes: z.int(),
    transferMs: z.number(),
    emptiedMs: z.number(),
    bytesPerSecond: z.number(),
  }),
  nodes: z.array(
    z.object({
      node: z.int(),
      name: z.string(),
      address: z.string(),
      macs: z.array(z.string()),
      result: NodeState,
      failure: Failure.optional(),
      /** Pass in which it got its data. */
      pass: z.int().nullable(),
      seconds: z.number(),
      steps: z.array(
        z.object({
          step: z.string(),
          state: z.enum(['finish', 'skip', 'fail']),
          seconds: z.number(),
          detail: z.string().optional(),
        }),
      ),
      log: z.string().nullable(),
    }),
  ),
});
export type Report = z.infer<typeof Report>;
