/** Reads one stream on the golden: its files by GNU tar, or a partition byte by byte. */
import type { StdioOptions } from 'node:child_process';
import type { ByteSource, ByteTarget } from '../relay/byte-source.ts';
import { NamedError } from '../system/named-error.ts';
import type { CommandLog } from '../system/run.ts';
import { type ByteSocket, byteSocket } from './byte-socket.ts';
import { excludedBelow, tarExcludes, XFS_ACLS } from './exclude.ts';
import { type PipedProcess, type ProcessEnd, startPiped } from './piped-process.ts';
import { TAR_BLOCKING_FACTOR, TAR_RECORD_BYTES } from './tar-record.ts';

export interface SourceStream {
  kind: 'files' | 'raw';
  /** Mount point on the node, for `files`. */
  mount?: string | undefined;
  /** Absolute directory on the golden (`files`) or device (`raw`). */
  path: string;
  /** Absolute directories, as on the node, whose contents are left out. */
  exclude: readonly string[];
  /** Where other streams go, and nothing is read: those below `mount` are not read from here. */
  mounts: readonly string[];
  encoding: 'identity' | 'zstd';
  /** zstd level, 1…19. */
  level: number;
}

/** Its `pour` starts the processes, and rejects `SourceFailed`, or why it was stopped. */
export interface Source extends ByteSource {
  /** Bytes read so far, before compression; exact when it has been poured. */
  readonly sourceBytes: number;
  /** Resolves when no process of it is left, whatever came of it. At once when it was never poured. */
  ended(): Promise<void>;
}

interface SourceContext {
  signal: AbortSignal;
  log: CommandLog;
  /** Hears now and then how many bytes were read so far, before compression. */
  onBytes?: (bytes: number) => void;
}

/** tar tells where it is each so many records (8 MiB). */
const TAR_CHECKPOINT = 32;

/**
 * pax format keeps times to the nanosecond, names of any length and bytes, and
 * extended attributes. Access and change times would only make it larger.
 * `--one-file-system` keeps /proc, /dev and other mounts out, but not the
 * directories they are mounted on.
 */
const tarCreateArgs = ({ path, mount, exclude, mounts }: SourceStream): string[] => [
  '--create',
  '--file=-',
  `--blocking-factor=${TAR_BLOCKING_FACTOR}`,
  '--format=posix',
  '--pax-option=delete=atime,delete=ctime',
  '--numeric-owner',
  '--xattrs',
  '--xattrs-include=*',
  `--xattrs-exclude=${XFS_ACLS}`,
  '--acls',
  '--sparse',
  '--one-file-system',
  '--totals',
  `--checkpoint=${TAR_CHECKPOINT}`,
  '--checkpoint-action=echo=at record %u',
  ...tarExcludes(excludedBelow(mount ?? '/', exclude, mounts)),
  `--directory=${path}`,
  '.',
];

/** tar's exit status when files changed or vanished while it read them. */
const TAR_FILES_DIFFER = 1;

/**
 * A stream to be poured. Files that change or vanish while they are read are
 * only logged (the settle step brings them); a file that cannot be read, a disk
 * error or a dead process make `pour` fail with `SourceFailed`, which names the
 * file or device.
 */
export const openSource = (stream: SourceStream, context: SourceContext): Source => {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  let sourceBytes = 0;
  let reading: Promise<void> | null = null;
  const onBytes = (bytes: number): void => {
    sourceBytes = bytes;
    context.onBytes?.(bytes);
  };
  return {
    get sourceBytes() {
      return sourceBytes;
    },
    pour: (target) => {
      reading ??= read(stream, target, { ...context, signal, onBytes }).then((total) => {
        sourceBytes = total ?? sourceBytes;
      });
      return reading;
    },
    destroy: (error) => stop.abort(error),
    ended: async () => {
      await reading?.catch(() => undefined);
    },
  };
};

/** Resolves with the number of bytes before compression, where the reader tells it. */
const read = async (
  stream: SourceStream,
  target: ByteTarget,
  context: Required<SourceContext>,
): Promise<number | null> => {
  const socket = await byteSocket(target, context.signal);
  const processes = start(stream, socket, context);
  socket.writer.destroy();
  const ends = Promise.all(processes.map(({ ended }) => ended));
  try {
    await socket.poured;
  } catch (error) {
    for (const { kill } of processes) kill();
    await ends;
    context.signal.throwIfAborted();
    throw error;
  }
  const done = await ends;
  context.signal.throwIfAborted();
  const failed = done.find(({ why }) => why !== null);
  if (failed) throw sourceFailed(stream, failed);
  const [reader] = done;
  if (reader?.exitCode === TAR_FILES_DIFFER) {
    context.log(`${stream.path}: some files changed while they were read; settle brings them`);
  }
  return tarTotal(reader?.output ?? '');
};

/** The reader, and the encoder if there is one; what they give goes to `socket`. */
const start = (
  stream: SourceStream,
  { writer }: ByteSocket,
  { signal, log, onBytes }: Required<SourceContext>,
): PipedProcess[] => {
  const onErrorLine = (line: string): boolean => {
    const bytes = progressBytes(line);
    if (bytes === null) return false;
    onBytes(bytes);
    return true;
  };
  const options = { signal, log };
  const compress = stream.encoding === 'zstd';
  const stdio: StdioOptions = ['ignore', compress ? 'pipe' : writer, 'pipe'];
  const reader =
    stream.kind === 'files'
      ? startPiped('tar', tarCreateArgs(stream), {
          stdio,
          okExitCodes: [0, TAR_FILES_DIFFER],
          onErrorLine,
          ...options,
        })
      : startPiped('dd', [`if=${stream.path}`, 'bs=1M', 'status=progress'], {
          stdio,
          onErrorLine,
          ...options,
        });
  if (!compress) return [reader];
  const zstd = startPiped('zstd', ['--threads=0', `-${stream.level}`, '--stdout', '--quiet'], {
    stdio: [reader.child.stdout, writer, 'pipe'],
    ...options,
  });
  // The bytes in between go straight from one process to the other.
  reader.child.stdout?.destroy();
  return [reader, zstd];
};

const sourceFailed = ({ path }: SourceStream, { why, output }: ProcessEnd): NamedError => {
  const cause = output
    .split('\n')
    .find((line) => /^(tar|dd): .*(error|cannot|failed to)/i.test(line));
  return new NamedError(
    'SourceFailed',
    `the golden cannot read ${path}: ${cause ?? why}; check the golden's disk and start again`,
    { output },
  );
};

/** Bytes read so far, from tar's checkpoints and from dd's lines (the last of which looks the same). */
const progressBytes = (line: string): number | null => {
  const record = /^tar: at record (\d+)$/.exec(line)?.[1];
  if (record !== undefined) return Number(record) * TAR_RECORD_BYTES;
  const bytes = /^(\d+) bytes .*copied, \S+ s, /.exec(line)?.[1];
  return bytes === undefined ? null : Number(bytes);
};

/** "Total bytes written: 10240 (10KiB, 12MiB/s)"; dd's total is its last progress line. */
const tarTotal = (output: string): number | null => {
  const total = /Total bytes written: (\d+)/.exec(output)?.[1];
  return total === undefined ? null : Number(total);
};
