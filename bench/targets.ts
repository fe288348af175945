/** What the chain must reach, and whether these rows do. */
import type { Row } from './rows.ts';

export interface Verdict {
  /** "ka trusted / mbuffer, 4 nodes". */
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

/** As it is by itself: bytes are encrypted and vouched for. */
export const KA = 'ka';
/** Bytes in clear, as its peers send them: what it is compared with them by. */
export const KA_TRUSTED = 'ka --network trusted';

/** Numbers of nodes at which the chain is compared with its peers. */
const COMPARED_NODES = [4, 8, 16];

const find = (rows: readonly Row[], tool: string, nodes: number): Row | undefined =>
  rows.find((row) => row.tool === tool && row.nodes === nodes);

/** What encryption and vouching may cost. */
const openVerdicts = (rows: readonly Row[], nodes: number): Verdict[] => {
  const ka = find(rows, KA, nodes);
  const at = `${nodes} nodes`;
  const unit = ' s/GiB/node';
  const verdicts: Verdict[] = [];
  if (ka?.cpuSecondsPerGiBPerNode) {
    verdicts.push({ what: `CPU ka, ${at}`, value: ka.cpuSecondsPerGiBPerNode, atMost: 1.2, unit });
  }
  if (ka?.loopSecondsPerGiBPerNode) {
    const value = ka.loopSecondsPerGiBPerNode;
    verdicts.push({ what: `CPU ka, event loop, ${at}`, value, atMost: 0.7, unit });
  }
  return verdicts;
};

/** How `ka --network trusted` does beside its peers: speed, CPU and memory. */
const trustedVerdicts = (rows: readonly Row[], nodes: number): Verdict[] => {
  const ka = find(rows, KA_TRUSTED, nodes);
  const [mbuffer, ncTee] = ['mbuffer', 'nc|tee'].map((tool) => find(rows, tool, nodes));
  if (!ka) return [];
  const verdicts: Verdict[] = [];
  const at = `${nodes} nodes`;
  if (mbuffer) {
    const value = ka.mibPerSecond / mbuffer.mibPerSecond;
    verdicts.push({ what: `ka trusted / mbuffer, ${at}`, value, atLeast: 1.1 });
  }
  if (ncTee) {
    const value = ka.mibPerSecond / ncTee.mibPerSecond;
    verdicts.push({ what: `ka trusted / nc|tee, ${at}`, value, atLeast: 2.5 });
  }
  if (mbuffer?.cpuSecondsPerGiBPerNode && ka.cpuSecondsPerGiBPerNode) {
    const value = ka.cpuSecondsPerGiBPerNode / mbuffer.cpuSecondsPerGiBPerNode;
    verdicts.push({ what: `CPU ka trusted / mbuffer, ${at}`, value, atMost: 0.9 });
  }
  if (ka.maxRssMiB) {
    const value = ka.maxRssMiB;
    verdicts.push({ what: `memory ka trusted, ${at}`, value, atMost: 160, unit: ' MiB' });
  }
  return verdicts;
};

/** Verdicts on links without a limit. */
export const fastVerdicts = (rows: readonly Row[]): Verdict[] =>
  COMPARED_NODES.flatMap((nodes) => [
    ...openVerdicts(rows, nodes),
    ...trustedVerdicts(rows, nodes),
  ]);

/** How much longer N nodes may take than one. */
const STRETCH = new Map([
  [16, 1.02],
  [64, 1.05],
]);

/** Share of what iperf3 gets out of a link, in percent. */
const atLeastOf = (link: string): number => (link === '1gbit' ? 99 : 97);

/** Verdicts on links of a known rate: how near the chain comes to it, and what more nodes cost. */
export const lineVerdicts = (rows: readonly Row[]): Verdict[] => {
  const [line] = rows.filter(({ tool }) => tool === 'iperf3');
  return rows.flatMap(({ tool, nodes, link, mibPerSecond }) => {
    if (tool !== KA && tool !== KA_TRUSTED) return [];
    const name = tool === KA ? 'ka' : 'ka trusted';
    const verdicts: Verdict[] = [];
    if (line && nodes <= 2) {
      const value = (100 * mibPerSecond) / line.mibPerSecond;
      const what = `${name} / iperf3, ${nodes} node${nodes > 1 ? 's' : ''}, ${link}`;
      verdicts.push({ what, value, atLeast: atLeastOf(link), unit: ' %' });
    }
    const one = find(rows, tool, 1);
    const atMost = STRETCH.get(nodes);
    if (one && atMost !== undefined) {
      const value = one.mibPerSecond / mibPerSecond;
      verdicts.push({ what: `${name} T(${nodes})/T(1), ${link}`, value, atMost });
    }
    return verdicts;
  });
};
