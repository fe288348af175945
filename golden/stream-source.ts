/** Where the bytes of each stream of a pass come from on the golden. */
import type { StreamPlan } from '../desc/clone-plan.ts';
import { openSource, type Source } from '../streams/source.ts';
import type { CommandLog } from '../system/run.ts';

export type Encoding = 'identity' | 'zstd';

/** What is sent, wherever it goes to. */
type SentStream = Omit<StreamPlan, 'disk' | 'partition'>;

export interface StreamSource {
  plan: SentStream;
  /** Nothing runs before it is poured. */
  open: (options: OpenOptions) => Source;
}

export interface OpenOptions {
  encoding: Encoding;
  signal: AbortSignal;
  /** Gets the commands and what they say. */
  log: CommandLog;
  /** Hears how many source bytes were read so far. */
  onBytes?: (bytes: number) => void;
}

export interface SourcePlace {
  plan: SentStream;
  /** Directory (`files`), or device or file (`raw`) on the golden. */
  path: string;
  exclude: readonly string[];
  /** Directories of all streams, and those the golden has a second time. */
  mounts: readonly string[];
}

/** zstd's fastest regular level: on a fast network compression must not be what limits it. */
export const ZSTD_LEVEL = 1;

export const streamSource = (place: SourcePlace): StreamSource => ({
  plan: place.plan,
  open: ({ encoding, ...context }) => {
    const { kind, mount } = place.plan;
    const { path, exclude, mounts } = place;
    return openSource({ kind, mount, path, exclude, mounts, encoding, level: ZSTD_LEVEL }, context);
  },
});
