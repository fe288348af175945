/** How fast the chain is, measured with noise before anything is decided about it. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROBE } from '../protocol/constants.ts';
import { chunkSource } from '../relay/byte-source.ts';
import type { Origin } from '../relay/origin.ts';

/** Enough for a slow line, where it takes long enough to be exact … */
const FIRST_BYTES = 4 * 1024 * 1024;
const LONG_ENOUGH_MS = 250;
/** … and for a fast one, where acknowledgements each 4 MiB give the pace. */
const SECOND_BYTES = 32 * 1024 * 1024;
const LOOK_MS = 5;

interface Sample {
  ms: number;
  bytes: number;
}

/** The position all nodes that acknowledge to the golden have reached. */
const arrived = (origin: Origin, nodes: number): number => {
  const { acks } = origin.stats();
  return acks.length < nodes ? 0 : Math.min(...acks);
};

const sendNoise = async (
  origin: Origin,
  bytes: number,
  nodes: () => number,
  signal: AbortSignal,
): Promise<Sample[]> => {
  const samples: Sample[] = [{ ms: performance.now(), bytes: 0 }];
  const begin = { name: PROBE, kind: PROBE, encoding: 'identity' as const };
  const from = origin.stats().sent;
  await origin.send({ ...begin, expectedBytes: bytes }, chunkSource([randomBytes(bytes)]));
  const { sent } = origin.stats();
  for (let position = 0; position < sent; await sleep(LOOK_MS, undefined, { signal })) {
    const now = arrived(origin, nodes());
    if (now > Math.max(position, from)) samples.push({ ms: performance.now(), bytes: now - from });
    position = now;
  }
  return samples;
};

const pace = (samples: readonly Sample[], from: number): number => {
  const [first, last] = [samples[from], samples.at(-1)];
  if (!first || !last || last.ms <= first.ms) return 0;
  return ((last.bytes - first.bytes) * 1000) / (last.ms - first.ms);
};

/**
 * Bytes per second from the golden through the first `nodes()` nodes of the
 * chain, whose number may fall meanwhile. Waits as long as it takes: the caller watches the nodes and aborts.
 */
export const measureLine = async (
  origin: Origin,
  nodes: () => number,
  signal: AbortSignal,
): Promise<number> => {
  const slow = await sendNoise(origin, FIRST_BYTES, nodes, signal);
  // From the first acknowledgement on: before it nodes dial in, and the chain fills.
  const [, start] = slow;
  const end = slow.at(-1);
  if (start && end && end.ms - start.ms > LONG_ENOUGH_MS) return pace(slow, 1);
  const fast = await sendNoise(origin, SECOND_BYTES, nodes, signal);
  return pace(fast, 1) || pace(fast, 0);
};
