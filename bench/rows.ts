/** Rows of the result: medians of the runs of one tool with one number of nodes. */
import { median } from './median.ts';
import type { Sample, Usage } from './sample.ts';
import { GIB, MIB } from './units.ts';

/** One line of the table and of `--json`. */
export interface Row {
  tool: string;
  nodes: number;
  /** Bytes each node got, per second, 2^20 to the MiB. */
  mibPerSecond: number;
  /** User and system time of all processes of a node; null where it was not measured. */
  cpuSecondsPerGiBPerNode: number | null;
  /** Of that, the event loop's; null for tools without one. */
  loopSecondsPerGiBPerNode: number | null;
  /** Of the node that took most; null where it was not measured. */
  maxRssMiB: number | null;
  /** "fast" (no limit) or the rate, "1gbit". */
  link: string;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const medianOf = (
  samples: readonly Sample[],
  value: (nodes: readonly Usage[], sample: Sample) => number,
): number | null => {
  const measured = samples.filter(({ nodes }) => nodes.length > 0);
  return measured.length === 0
    ? null
    : median(measured.map((sample) => value(sample.nodes, sample)));
};

export const toRow = (
  place: Pick<Row, 'tool' | 'nodes' | 'link'>,
  samples: readonly Sample[],
): Row => ({
  ...place,
  mibPerSecond: median(samples.map(({ bytes, seconds }) => bytes / MIB / seconds)),
  cpuSecondsPerGiBPerNode: medianOf(
    samples,
    (nodes, { bytes }) => mean(nodes.map(({ cpuSeconds }) => cpuSeconds)) / (bytes / GIB),
  ),
  loopSecondsPerGiBPerNode: medianOf(
    samples.filter(({ nodes }) =>
      nodes.every(({ loopCpuSeconds }) => loopCpuSeconds !== undefined),
    ),
    (nodes, { bytes }) =>
      mean(nodes.map(({ loopCpuSeconds }) => loopCpuSeconds ?? 0)) / (bytes / GIB),
  ),
  maxRssMiB: medianOf(
    samples,
    (nodes) => Math.max(...nodes.map(({ maxRssBytes }) => maxRssBytes)) / MIB,
  ),
});
