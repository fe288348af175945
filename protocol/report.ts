/** The result of a session, written by `--report FILE` and kept beside the journal. */
import { z } from 'zod';
import { Mac, SessionName } from '../system/names.ts';
import { NodeState } from './events.ts';
import { Failure } from './failure.ts';
import { MAX_MACS } from './inventory.ts';
import { Network } from './network.ts';
import { Amount, Count, ExitCode, Unsigned32 } from './numbers.ts';
import { Line, Name } from './text.ts';

export const Report = z.object({
  /** Empty when it ended before it opened. */
  session: SessionName.or(z.literal('')),
  version: Name,
  network: Network,
  started: Amount,
  finished: Amount,
  /** 0 = as many nodes cloned as were wanted, 2 = some, 1 = none. */
  exitCode: ExitCode,
  /** Nodes the session was to clone (`-n`). */
  wanted: Count,
  failure: Failure.optional(),
  totals: z.object({
    passes: Count,
    sourceBytes: Count,
    sentBytes: Count,
    transferMs: Amount,
    emptiedMs: Amount,
    bytesPerSecond: Amount,
  }),
  nodes: z.array(
    z.object({
      node: Unsigned32,
      name: Name,
      address: Name,
      macs: z.array(Mac).max(MAX_MACS),
      result: NodeState,
      failure: Failure.optional(),
      /** Pass in which it got its data. */
      pass: Unsigned32.nullable(),
      seconds: Amount,
      steps: z.array(
        z.object({
          step: Name,
          state: z.enum(['finish', 'skip', 'fail']),
          seconds: Amount,
          detail: Line.optional(),
        }),
      ),
      log: Line.nullable(),
    }),
  ),
});
export type Report = z.infer<typeof Report>;
