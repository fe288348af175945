/** Flags of `npm run bench -- …`. */
import { parseArgs } from 'node:util';
import { NamedError } from '../system/named-error.ts';

export const usage = `npm run bench -- chain [--nodes 1,4,8,16] [--mib N] [--runs N] [--links fast|limited|all] [--json FILE]
npm run bench -- clone [--nodes 1,4,8] [--runs N] [--files N] [--json FILE]

Measures ka beside other tools on this machine, in network namespaces, as root.
chain: bytes from one machine through all nodes, which throw them away.
  --nodes LIST   numbers of nodes on links without a limit (default 1,4,8,16)
  --mib N        MiB sent in each run there (default 2048; udpcast gets a sixteenth)
  --runs N       runs of each tool, one after the other in turns; medians count (default 3)
  --links WHICH  fast: as fast as this machine; limited: 1 Gbit/s with 1 and 2 nodes, 200 Mbit/s
                 with 1, 16 and 64, and zstd; all (default)
clone: a Debian root and a tree of small files, to directories in memory.
  --nodes LIST   numbers of nodes (default 1,4,8)
  --runs N       (default 1)
  --files N      small files of the tree (default 100000)
both:
  --json FILE    write the rows there as well
`;

export type Links = 'fast' | 'limited' | 'all';

export interface ChainOptions {
  bench: 'chain';
  nodes: number[];
  mebibytes: number;
  runs: number;
  links: Links;
  json: string | undefined;
}

export interface CloneOptions {
  bench: 'clone';
  nodes: number[];
  runs: number;
  files: number;
  json: string | undefined;
}

const NODES_MAX = 64;

const wholeNumber = (flag: string, text: string, largest: number): number => {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= largest) return number;
  throw new RangeError(`--${flag} ${text}: give a number from 1 to ${largest}`);
};

const numbers = (text: string): number[] =>
  text.split(',').map((part) => wholeNumber('nodes', part, NODES_MAX));

const isLinks = (text: string): text is Links => ['fast', 'limited', 'all'].includes(text);

const readChain = (args: string[]): ChainOptions | null => {
  const { values } = parseArgs({
    args,
    options: {
      nodes: { type: 'string', default: '1,4,8,16' },
      mib: { type: 'string', default: '2048' },
      runs: { type: 'string', default: '3' },
      links: { type: 'string', default: 'all' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  const { links } = values;
  if (!isLinks(links)) throw new RangeError(`--links ${links}: give fast, limited or all`);
  return {
    bench: 'chain',
    nodes: numbers(values.nodes),
    mebibytes: wholeNumber('mib', values.mib, 16_384),
    runs: wholeNumber('runs', values.runs, 99),
    links,
    json: values.json,
  };
};

const readClone = (args: string[]): CloneOptions | null => {
  const { values } = parseArgs({
    args,
    options: {
      nodes: { type: 'string', default: '1,4,8' },
      runs: { type: 'string', default: '1' },
      files: { type: 'string', default: '100000' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  return {
    bench: 'clone',
    nodes: numbers(values.nodes),
    runs: wholeNumber('runs', values.runs, 99),
    files: wholeNumber('files', values.files, 10_000_000),
    json: values.json,
  };
};

/** Throws `Usage` for flags that do not exist or make no sense; null when help is asked for. */
export const readOptions = (argv: readonly string[]): ChainOptions | CloneOptions | null => {
  const [bench, ...args] = argv;
  if (bench === '--help' || bench === '-h') return null;
  try {
    if (bench === 'chain') return readChain(args);
    if (bench === 'clone') return readClone(args);
    throw new RangeError(`say what to measure: chain or clone, not "${bench ?? ''}"`);
  } catch (error) {
    throw new NamedError('Usage', error instanceof Error ? error.message : String(error));
  }
};
