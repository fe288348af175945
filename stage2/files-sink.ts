/** Unpacks a stream of files with GNU tar. */
import type { Writable } from 'node:stream';
import type { StreamPlan } from '../desc/clone-plan.ts';
import { type PipedProcess, type ProcessEnd, startPiped } from '../streams/piped-process.ts';
import { TAR_BLOCKING_FACTOR } from '../streams/tar-record.ts';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { expectBrokenPipe, writeBatch } from './pipe-writer.ts';
import { placeInside } from './place-inside.ts';
import { findPartition } from './planned-partitions.ts';
import type { ReceiveContext, ReceiveSink, StreamHeader } from './receive.ts';
import { SinkFailure } from './sink-failure.ts';

/**
 * Owners by number, all permission bits, extended attributes of every
 * namespace (file capabilities are `security.capability`) and ACLs. Directory
 * times and modes are set last, so a read-only directory can be filled.
 */
const tarExtractArgs = (directory: string, keepsOwners: boolean): string[] => [
  '--extract',
  '--file=-',
  `--directory=${directory}`,
  `--blocking-factor=${TAR_BLOCKING_FACTOR}`,
  '--read-full-records',
  '--numeric-owner',
  '--delay-directory-restore',
  '--warning=no-timestamp',
  ...(keepsOwners
    ? ['--same-owner', '--preserve-permissions', '--xattrs', '--xattrs-include=*', '--acls']
    : ['--no-same-owner', '--no-same-permissions']),
];

/** tar tells of a disk that is full, or of a write cut short by it. */
const isFull = /No space left on device|Disk quota exceeded|Wrote only \d+ of \d+ bytes/;

export const openFilesSink = (
  stream: StreamPlan,
  header: StreamHeader,
  { plan, target, signal, log }: ReceiveContext,
): ReceiveSink => {
  if (header.kind !== 'files' || stream.mount === undefined) {
    throw new NamedError(
      'StreamMismatch',
      `stream "${stream.name}" is announced as ${header.kind}, the plan says files; plan again`,
    );
  }
  const { mount } = stream;
  // A node that clones into a directory has no partitions, and none of their mount points.
  const isDirectoryNode = plan.disks.length === 0;
  const directory = placeInside(target, mount);
  const place = isDirectoryNode ? null : findPartition(plan, stream.disk, stream.partition);
  const where = place?.device ?? directory;
  // Fat has no owners and would refuse each single one; elsewhere they are root's to set.
  const keepsOwners = place?.partition.filesystem?.type !== 'vfat' && process.getuid?.() === 0;
  const failure = new SinkFailure();

  const tar = startPiped('tar', tarExtractArgs(directory, keepsOwners), {
    stdio: ['pipe', 'ignore', 'pipe'],
    signal,
    log,
    onErrorLine: (line) => {
      if (!isFull.test(line)) return false;
      // tar would go on to fail for every file to come.
      failure.fail(
        new NamedError(
          'TargetFull',
          `${mount} (${where}) is full: ${line}; give this partition more space in the description`,
          { output: line },
        ),
      );
      tar.kill();
      return false;
    },
  });
  const zstd = header.encoding === 'zstd' ? startDecoder(tar, { signal, log }) : null;
  const input = (zstd ?? tar).child.stdin;
  if (!input) throw new NamedError('SinkFailed', `tar for ${mount} has no input; look at the log`);
  expectBrokenPipe(input, log);

  const processes = [tar, ...(zstd ? [zstd] : [])];
  const allEnded = Promise.all(processes.map(({ ended }) => ended));
  void allEnded.then((ends) => {
    const error = judge(ends, mount);
    if (error) failure.fail(error);
  });
  // tar ends at the archive's end mark, often before `end` is called. Only
  // bytes that still come after that are wrong.
  const refused = () => void allEnded.then(() => failure.fail(endedTooEarly(mount)));

  return {
    failed: failure.promise,
    write: (chunks) => writeBatch(input, chunks, failure, refused),
    end: async () => {
      await failure.guard((done) => {
        input.end();
        void allEnded.then((ends) => (judge(ends, mount) ? undefined : done()));
      });
      // Delayed allocation: errors of the disk itself only show up here.
      await run('sync', ['--file-system', directory], { log, signal, timeoutMs: SYNC_TIMEOUT_MS });
    },
    abort: async (reason) => {
      failure.fail(new NamedError('Aborted', `unpacking ${mount} was stopped: ${reason}`));
      for (const { kill } of processes) kill();
      await allEnded;
    },
  };
};

const SYNC_TIMEOUT_MS = 30 * 60 * 1000;

/** zstd writes straight into tar's input; this process does not touch the bytes in between. */
const startDecoder = (
  tar: PipedProcess,
  options: Pick<ReceiveContext, 'signal' | 'log'>,
): PipedProcess => {
  const tarInput = tar.child.stdin;
  const zstd = startPiped('zstd', ['--decompress', '--stdout', '--quiet'], {
    stdio: ['pipe', tarInput, 'pipe'],
    ...options,
  });
  // Our copy of the pipe's end must go, or tar would never see its end.
  closeOwnEnd(tarInput);
  return zstd;
};

const closeOwnEnd = (pipe: Writable | null): void => {
  pipe?.destroy();
};

/** tar's word counts most: when it ends, zstd only says that its pipe broke. */
const judge = (ends: readonly ProcessEnd[], mount: string): NamedError | null => {
  const failed = ends.find(({ why }) => why !== null);
  if (!failed) return null;
  const lines = failed.output ? `: ${failed.output.split('\n')[0]}` : '';
  return new NamedError('SinkFailed', `unpacking ${mount} failed, ${failed.why}${lines}`, {
    output: ends.map(({ output }) => output).join('\n'),
  });
};

const endedTooEarly = (mount: string): NamedError =>
  new NamedError(
    'SinkFailed',
    `unpacking ${mount} ended before its stream did; the golden's archive has an end too early`,
  );
