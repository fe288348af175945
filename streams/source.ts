/** Reads one stream on the golden: its files by GNU tar, or a partition byte by byte. */
import { type Readable, Transform } from 'node:stream';
import { NamedError } from '../system/named-error.ts';
import type { CommandLog } from '../system/run.ts';
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
  /** Mount points of the node's own file systems; those below `mount` are not read from here. */
  mounts: readonly string[];
  encoding: 'identity' | 'zstd';
  /** zstd level, 1…19. */
  level: number;
}

export interface Source {
  /** Ends only after all processes ended well; otherwise it fails with the same error as `done`. */
  readable: Readable;
  /** `sourceBytes`: before compression. Rejects `SourceFailed`. */
  done: Promise<{ sourceBytes: number }>;
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
 * Starts reading. Files that change or vanish meanwhile are only logged (the
 * settle step brings them); a file that cannot be read, a full disk error or a
 * dead process make both `readable` and `done` fail with `SourceFailed`, which
 * names the file or device.
 */
export const openSource = (
  stream: SourceStream,
  { signal, log, onBytes }: SourceContext,
): Source => {
  const options = { signal, log };
  let bytesSoFar = 0;
  const onErrorLine = (line: string): boolean => {
    const bytes = progressBytes(line);
    if (bytes === null) return false;
    bytesSoFar = bytes;
    onBytes?.(bytes);
    return true;
  };
  const reader =
    stream.kind === 'files'
      ? startPiped('tar', tarCreateArgs(stream), {
          stdio: ['ignore', 'pipe', 'pipe'],
          okExitCodes: [0, TAR_FILES_DIFFER],
          onErrorLine,
          ...options,
        })
      : startPiped('dd', [`if=${stream.path}`, 'bs=1M', 'status=progress'], {
          stdio: ['ignore', 'pipe', 'pipe'],
          onErrorLine,
          ...options,
        });
  const zstd = stream.encoding === 'zstd' ? startEncoder(reader, stream.level, options) : null;
  const processes = [reader, ...(zstd ? [zstd] : [])];
  const output = (zstd ?? reader).child.stdout;
  if (!output) throw new NamedError('SourceFailed', `${stream.path} cannot be read: no output`);

  const done = Promise.all(processes.map(({ ended }) => ended)).then((ends) => {
    const failed = ends.find(({ why }) => why !== null);
    if (failed) throw sourceFailed(stream, failed);
    const [readerEnd] = ends;
    if (readerEnd?.exitCode === TAR_FILES_DIFFER) {
      log(`${stream.path}: some files changed while they were read; settle brings them`);
    }
    return { sourceBytes: tarTotal(readerEnd?.output ?? '') ?? bytesSoFar };
  });
  // Whoever reads `readable` learns of it as well.
  done.catch(() => undefined);
  return { readable: endAfter(output, done, processes), done };
};

/** The reader's pipe goes straight to zstd; the bytes in between never come here. */
const startEncoder = (
  reader: PipedProcess,
  level: number,
  options: SourceContext,
): PipedProcess => {
  const zstd = startPiped('zstd', ['--threads=0', `-${level}`, '--stdout', '--quiet'], {
    stdio: [reader.child.stdout, 'pipe', 'pipe'],
    ...options,
  });
  reader.child.stdout?.destroy();
  return zstd;
};

/** Passes buffers on uncopied and holds back the end until the exit statuses are known. */
const endAfter = (
  output: Readable,
  done: Promise<unknown>,
  processes: readonly PipedProcess[],
): Readable => {
  const readable = new Transform({
    transform: (chunk, _encoding, callback) => callback(null, chunk),
    flush: (callback) => {
      done.then(
        () => callback(),
        (error: Error) => callback(error),
      );
    },
    destroy: (error, callback) => {
      for (const { kill } of processes) kill();
      output.destroy();
      callback(error);
    },
  });
  output.on('error', (error) => readable.destroy(error));
  // `done` tells as well, also before anybody reads; an unheard error would end the process.
  readable.on('error', () => undefined);
  done.catch((error: Error) => readable.destroy(error));
  return output.pipe(readable);
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
