/** Opens the place on this node where one stream's bytes go. */
import type { ClonePlan, StreamPlan } from '../desc/clone-plan.ts';
import { openFilesSink } from './files-sink.ts';
import { openRawSink } from './raw-sink.ts';
import type { StepContext } from './step.ts';

/** Takes the bytes of one stream. A failure is a `NamedError` with the last lines of the failing program. */
export interface ReceiveSink {
  /** The buffers may be reused once resolved; that it resolves late is the back-pressure. */
  write(chunks: readonly Buffer[]): Promise<void>;
  /** Resolves when all processes ended well and everything is on the disk. */
  end(): Promise<void>;
  /** Stops and lets go; what was written so far stays as it is. */
  abort(reason: string): Promise<void>;
  /** Rejects as soon as the sink has failed, also between writes; never resolves. */
  readonly failed: Promise<never>;
}

export interface StreamHeader {
  kind: 'files' | 'raw';
  encoding: 'identity' | 'zstd';
}

/** Programs that take the streams of a plan in. */
export const streamTools = ({ streams, mayBeCompressed }: ClonePlan): string[] => [
  ...(streams.some(({ kind }) => kind === 'files') ? ['tar', 'sync'] : []),
  ...(streams.length > 0 && mayBeCompressed ? ['zstd'] : []),
];

export type ReceiveContext = Pick<StepContext, 'plan' | 'target' | 'signal' | 'log'>;

/**
 * Opens the sink for `stream`: `files` are unpacked by GNU tar under the
 * target, `raw` goes to the partition byte by byte. Throws `StreamMismatch`
 * when the header does not say what the plan says.
 */
export const openSink = (
  stream: StreamPlan,
  header: StreamHeader,
  context: ReceiveContext,
): ReceiveSink =>
  stream.kind === 'files'
    ? openFilesSink(stream, header, context)
    : openRawSink(stream, header, context);
