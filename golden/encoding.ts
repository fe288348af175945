/** Whether to compress: decided by what was measured here and now, not by belief. */

import { performance } from 'node:perf_hooks';
import type { ByteTarget } from '../relay/byte-source.ts';
import { startPiped } from '../streams/piped-process.ts';
import { NamedError } from '../system/named-error.ts';
import type { CommandLog } from '../system/run.ts';
import { type Encoding, type StreamSource, ZSTD_LEVEL } from './stream-source.ts';

/**
 * How much of the golden's own data is read for it. Far more than is tried: a
 * tree often begins with /boot, whose packed files say nothing about the rest.
 */
export const READ_BYTES = 192 * 1024 * 1024;

/** Of every so many bytes read … */
const STRIDE_BYTES = 8 * 1024 * 1024;

/** … the first so many are tried. */
const KEPT_BYTES = 1024 * 1024;

/** Reading a sample may take this long; a slower disk limits the session anyway. */
export const SAMPLE_MS = 1000;

/** Compression must promise this much to be worth the CPU it takes from the nodes. */
export const WORTH_IT = 1.15;

export interface SourceRates {
  /** Bytes per second the golden can read. */
  read: number;
  /** Bytes per second of source data zstd can take. */
  compress: number;
  /** Compressed size ÷ source size. */
  ratio: number;
}

export interface Rates extends SourceRates {
  /** Bytes per second through the whole chain. */
  line: number;
}

/** Source bytes per second each way promises; the faster one. Pure. */
export const chooseEncoding = ({ read, compress, ratio, line }: Rates): Encoding => {
  const identity = Math.min(read, line);
  const zstd = Math.min(read, compress, line / ratio);
  return zstd > identity * WORTH_IT ? 'zstd' : 'identity';
};

/** Reads a part of a source and keeps pieces from all over it, to try compression on. */
const readSample = async (
  source: StreamSource,
  log: CommandLog,
  signal: AbortSignal,
): Promise<{ sample: Buffer; rate: number }> => {
  const stop = new AbortController();
  const opened = source.open({
    encoding: 'identity',
    signal: AbortSignal.any([signal, stop.signal]),
    log,
  });
  const memory = Buffer.allocUnsafe(KEPT_BYTES);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const startedMs = performance.now();
  let elapsedMs = 1;
  const target: ByteTarget = {
    space: () => memory,
    filled: (count) => {
      if (bytes % STRIDE_BYTES < KEPT_BYTES) chunks.push(Buffer.from(memory.subarray(0, count)));
      bytes += count;
      elapsedMs = performance.now() - startedMs;
      if (bytes >= READ_BYTES || elapsedMs > SAMPLE_MS) stop.abort();
      return null;
    },
  };
  // Stopped on purpose, or failed: then it fails again when it is sent.
  await opened.pour(target).catch(() => signal.throwIfAborted());
  return { sample: Buffer.concat(chunks), rate: (bytes * 1000) / elapsedMs };
};

const compressSample = async (
  sample: Buffer,
  log: CommandLog,
  signal: AbortSignal,
): Promise<{ rate: number; ratio: number }> => {
  const args = ['--threads=0', `-${ZSTD_LEVEL}`, '--stdout', '--quiet'];
  const startedMs = performance.now();
  const { child, ended } = startPiped('zstd', args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    signal,
    log,
  });
  let compressed = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    compressed += chunk.length;
  });
  const read = new Promise((resolve) => child.stdout?.once('close', resolve));
  // When it ends before it has read all, its exit status says why.
  child.stdin?.on('error', ({ message }) => log(`zstd: ${message}`));
  child.stdin?.end(sample);
  const [{ why, output }] = await Promise.all([ended, read]);
  signal.throwIfAborted();
  if (why !== null) {
    const message = `measuring whether to compress: ${why}; use --compress none to do without`;
    throw new NamedError('CommandFailed', message, { output });
  }
  const elapsedMs = performance.now() - startedMs;
  return { rate: (sample.length * 1000) / elapsedMs, ratio: compressed / sample.length };
};

/** Measures what the golden can do with its own data; the line's rate comes from the chain. */
export const measureSource = async (
  source: StreamSource,
  log: CommandLog,
  signal: AbortSignal,
): Promise<SourceRates> => {
  const { sample, rate } = await readSample(source, log, signal);
  if (sample.length === 0) return { read: rate, compress: 1, ratio: 1 };
  const { rate: compress, ratio } = await compressSample(sample, log, signal);
  return { read: rate, compress, ratio };
};
