/** What the chain must reach, and whether these rows do. */
import type { Row } from './rows.ts';

export interface Verdict {
  /** "ka / mbuffer, 4 nodes". */
  what: string;
  value: number;
  atLeast?: number;
  atMost?: number;
  unit?: string;
}

export const passes = ({ value, atLeast, atMost }: Verdict): boolean =>
  value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY);

export const formatVerdict = (verdict: Verdict): string => {
  const { what, value, atLeast, atMost, unit = '' } = verdict;
  const limit = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
  const digits = value >= 100 ? 0 : 3;
  return `${passes(verdict) ? 'pass' : 'FAIL'}  ${what}: ${value.toFixed(digits)}${unit} (${limit}${unit})`;
};

/** Numbers of nodes at which the chain is compared with its peers. */
const COMPARED_NODES = [4, 8, 16];

const find = (rows: readonly Row[], tool: string, nodes: number): Row | undefined =>
  rows.find((row) => row.tool === tool && row.nodes === nodes);

/** Verdicts on links without a limit: speed, CPU and memory beside the peers'. */
export const fastVerdicts = (rows: readonly Row[]): Verdict[] =>
  COMPARED_NODES.flatMap((nodes) => {
    const [ka, mbuffer, ncTee] = ['ka', 'mbuffer', 'nc|tee'].map((tool) => find(rows, tool, nodes));
    if (!ka) return [];
    const verdicts: Verdict[] = [];
    const at = `${nodes} nodes`;
    if (mbuffer) {
      const value = ka.mibPerSecond / mbuffer.mibPerSecond;
      verdicts.push({ what: `ka / mbuffer, ${at}`, value, atLeast: 1.1 });
    }
    if (ncTee) {
      const value = ka.mibPerSecond / ncTee.mibPerSecond;
      verdicts.push({ what: `ka / nc|tee, ${at}`, value, atLeast: 2.5 });
    }
    if (mbuffer?.cpuSecondsPerGiBPerNode && ka.cpuSecondsPerGiBPerNode) {
      const value = ka.cpuSecondsPerGiBPerNode / mbuffer.cpuSecondsPerGiBPerNode;
      verdicts.push({ what: `CPU ka / mbuffer, ${at}`, value, atMost: 0.9 });
    }
    if (ka.maxRssMiB) {
      verdicts.push({ what: `memory, ${at}`, value: ka.maxRssMiB, atMost: 160, unit: ' MiB' });
    }
    return verdicts;
  });

/** How much longer N nodes may take than one. */
const STRETCH = new Map([
  [16, 1.02],
  [64, 1.05],
]);

/** Verdicts on links of a known rate: how near the chain comes to it, and what more nodes cost. */
export const lineVerdicts = (rows: readonly Row[]): Verdict[] => {
  const [line] = rows.filter(({ tool }) => tool === 'iperf3');
  const one = find(rows, 'ka', 1);
  return rows
    .filter(({ tool }) => tool === 'ka')
    .flatMap((ka) => {
      const verdicts: Verdict[] = [];
      if (line && ka.nodes === 1) {
        const value = (100 * ka.mibPerSecond) / line.mibPerSecond;
        verdicts.push({ what: `ka / iperf3, 1 node, ${ka.link}`, value, atLeast: 97, unit: ' %' });
      }
      const atMost = STRETCH.get(ka.nodes);
      if (one && atMost !== undefined) {
        const value = one.mibPerSecond / ka.mibPerSecond;
        verdicts.push({ what: `T(${ka.nodes})/T(1), ${ka.link}`, value, atMost });
      }
      return verdicts;
    });
};
