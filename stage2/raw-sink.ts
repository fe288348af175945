/** Writes a stream to a partition byte by byte. */
import { closeSync, constants, fsync, openSync, readFileSync, writev } from 'node:fs';
import { promisify } from 'node:util';
import type { StreamPlan } from '../desc/clone-plan.ts';
import { toFailure } from '../protocol/failure.ts';
import { startPiped } from '../streams/piped-process.ts';
import { NamedError } from '../system/named-error.ts';
import { expectBrokenPipe, writeBatch } from './pipe-writer.ts';
import { findPartition } from './planned-partitions.ts';
import type { ReceiveContext, ReceiveSink, StreamHeader } from './receive.ts';
import { SinkFailure } from './sink-failure.ts';

const flush = promisify(fsync);

/**
 * `raw` streams are whole partitions: anything but exactly the announced size
 * (or the partition's, when none is announced) is an error.
 */
export const openRawSink = (
  stream: StreamPlan,
  header: StreamHeader,
  { plan, signal, log }: ReceiveContext,
): ReceiveSink => {
  if (header.kind !== 'raw') {
    throw new NamedError(
      'StreamMismatch',
      `stream "${stream.name}" is announced as ${header.kind}, the plan says raw; plan again`,
    );
  }
  const { disk, partition, device } = findPartition(plan, stream.disk, stream.partition);
  const partitionBytes = partition.sizeSectors * disk.sectorBytes;
  const expectedBytes = stream.expectedBytes ?? partitionBytes;
  if (expectedBytes > partitionBytes) {
    throw new NamedError(
      'PartitionTooSmall',
      `${device} has ${partitionBytes} bytes, its raw copy needs ${expectedBytes}; make it larger`,
    );
  }
  // O_EXCL on a block device: fails when it is mounted or held otherwise.
  const fd = openSync(device, constants.O_WRONLY | constants.O_EXCL);
  log(`+ writing ${expectedBytes} bytes to ${device}`);
  const options = { device, fd, expectedBytes, signal, log };
  return header.encoding === 'zstd' ? decoded(options) : plain(options);
};

interface RawOptions extends Pick<ReceiveContext, 'signal' | 'log'> {
  device: string;
  fd: number;
  expectedBytes: number;
}

const wrongLength = (device: string, writtenBytes: number, expectedBytes: number): NamedError =>
  new NamedError(
    'WrongLength',
    `${device} should get ${expectedBytes} bytes, the stream has ${writtenBytes > expectedBytes ? 'more' : `only ${writtenBytes}`}; clone this node again`,
  );

const plain = ({ device, fd, expectedBytes, signal, log }: RawOptions): ReceiveSink => {
  const failure = new SinkFailure();
  let writtenBytes = 0;
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  const onAbort = (): void =>
    failure.fail(new NamedError('Aborted', `writing ${device} was stopped`));
  signal.addEventListener('abort', onAbort, { once: true });

  const writeAll = async (chunks: readonly Buffer[]): Promise<void> => {
    let left = chunks.filter((chunk) => chunk.length > 0);
    while (left.length > 0) {
      const done = await writeSome(fd, left, writtenBytes);
      writtenBytes += done;
      left = dropBytes(left, done);
    }
  };

  return {
    failed: failure.promise,
    write: async (chunks) => {
      if (failure.error) throw failure.error;
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      try {
        if (writtenBytes + bytes > expectedBytes) {
          throw wrongLength(device, writtenBytes + bytes, expectedBytes);
        }
        await writeAll(chunks);
      } catch (error) {
        const named = namedWriteError(error, device);
        failure.fail(named);
        throw named;
      }
    },
    end: async () => {
      try {
        if (failure.error) throw failure.error;
        if (writtenBytes !== expectedBytes) throw wrongLength(device, writtenBytes, expectedBytes);
        await flush(fd);
        log(`${device}: ${writtenBytes} bytes written`);
      } catch (error) {
        const named = namedWriteError(error, device);
        failure.fail(named);
        throw named;
      } finally {
        signal.removeEventListener('abort', onAbort);
        close();
      }
    },
    abort: async (reason) => {
      signal.removeEventListener('abort', onAbort);
      failure.fail(new NamedError('Aborted', `writing ${device} was stopped: ${reason}`));
      close();
    },
  };
};

const namedWriteError = (error: unknown, device: string): NamedError =>
  error instanceof NamedError
    ? error
    : new NamedError(
        'SinkFailed',
        `writing ${device} failed: ${toFailure(error).message}; check this disk`,
        { cause: error },
      );

const writeSome = (fd: number, chunks: readonly Buffer[], position: number): Promise<number> =>
  new Promise((resolve, reject) => {
    writev(fd, [...chunks], position, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });

const dropBytes = (chunks: readonly Buffer[], bytes: number): Buffer[] => {
  let skip = bytes;
  return chunks.flatMap((chunk) => {
    const cut = Math.min(skip, chunk.length);
    skip -= cut;
    return cut === chunk.length ? [] : [chunk.subarray(cut)];
  });
};

/** zstd writes to the device itself; where it got to is read from the shared file position. */
const decoded = ({ device, fd, expectedBytes, signal, log }: RawOptions): ReceiveSink => {
  const failure = new SinkFailure();
  const zstd = startPiped('zstd', ['--decompress', '--stdout', '--quiet'], {
    stdio: ['pipe', fd, 'pipe'],
    signal,
    log,
  });
  const input = zstd.child.stdin;
  if (!input)
    throw new NamedError('SinkFailed', `zstd for ${device} has no input; look at the log`);
  expectBrokenPipe(input, log);
  let isEnding = false;
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  void zstd.ended.then(({ why, output }) => {
    if (why === null && isEnding) return;
    const what = why ?? 'zstd ended before its stream did';
    failure.fail(
      new NamedError('SinkFailed', `writing ${device} failed, ${what}: ${output.split('\n')[0]}`, {
        output,
      }),
    );
  });

  return {
    failed: failure.promise,
    // A zstd that takes no more has ended, and that is reported above.
    write: (chunks) => writeBatch(input, chunks, failure, () => undefined),
    end: async () => {
      isEnding = true;
      try {
        await failure.guard((done) => {
          input.end();
          void zstd.ended.then(({ why }) => (why === null ? done() : undefined));
        });
        const writtenBytes = positionOf(fd);
        if (writtenBytes !== expectedBytes) {
          const error = wrongLength(device, writtenBytes, expectedBytes);
          failure.fail(error);
          throw error;
        }
        await flush(fd);
        log(`${device}: ${writtenBytes} bytes written`);
      } finally {
        close();
      }
    },
    abort: async (reason) => {
      failure.fail(new NamedError('Aborted', `writing ${device} was stopped: ${reason}`));
      zstd.kill();
      await zstd.ended;
      close();
    },
  };
};

/** proc_pid_fdinfo(5): "pos:\t4096". */
const positionOf = (fd: number): number =>
  Number(/^pos:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? -1);
