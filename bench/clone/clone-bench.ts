/** `npm run bench -- clone`: whole sessions beside a star of tar and a star of rsync. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Lab } from '../../demo/lab.ts';
import { run } from '../../system/run.ts';
import { mountDebian } from '../debian-root.ts';
import { median } from '../median.ts';
import { memoryDirectory } from '../memory-directory.ts';
import type { CloneOptions } from '../options.ts';
import type { Say } from '../turns.ts';
import { MIB } from '../units.ts';
import type { CloneResult, CloneTarget, CloneTool, StageWaits } from './clone-tool.ts';
import { kaSession } from './ka-session.ts';
import { rsyncStar } from './rsync-star.ts';
import { makeSmallFiles } from './small-files.ts';
import { tarStar } from './tar-star.ts';

const labs = fileURLToPath(new URL('../.cache/bench', import.meta.url));

export interface CloneRow {
  tool: string;
  tree: string;
  nodes: number;
  /** Until the last node has all files. */
  filesSeconds: number;
  /** Until the last node is done. */
  doneSeconds: number;
  /** Bytes on the golden's disk, per second, for each node. */
  mibPerSecond: number;
  stages: readonly StageWaits[];
}

interface BenchContext {
  options: CloneOptions;
  say: Say;
  signal: AbortSignal;
}

interface Tree {
  name: string;
  path: string;
  bytes: number;
}

const usedBytes = async (path: string): Promise<number> => {
  const args = ['--summarize', '--one-file-system', '--block-size=1', path];
  return Number.parseInt((await run('du', args)).stdout, 10);
};

const makeTrees = async (
  lab: Lab,
  memory: string,
  { options, say, signal }: BenchContext,
): Promise<Tree[]> => {
  const debian = await mountDebian(lab, say, signal);
  say(`making ${options.files} small files …`);
  const small = join(memory, 'small-files');
  await makeSmallFiles(small, options.files);
  return [
    { name: 'Debian root', path: debian, bytes: await usedBytes(debian) },
    { name: `${options.files} files`, path: small, bytes: await usedBytes(small) },
  ];
};

const makeTargets = async (lab: Lab, memory: string, nodes: number): Promise<CloneTarget[]> => {
  const targets = lab.nodes.slice(0, nodes).map((host) => {
    return { host, directory: join(memory, `clone-${host.name}`) };
  });
  for (const { directory } of targets) await mkdir(directory);
  return targets;
};

/** Two clones that differ in their number of files were not the same work. */
const countFiles = async (directory: string): Promise<number> => {
  const { stdout } = await run('find', [directory, '-xdev', '-type', 'f', '-printf', '.']);
  return stdout.length;
};

const toRow = (tool: CloneTool, tree: Tree, nodes: number, results: CloneResult[]): CloneRow => {
  const filesSeconds = median(results.map((result) => result.filesSeconds));
  return {
    tool: tool.name,
    tree: tree.name,
    nodes,
    filesSeconds,
    doneSeconds: median(results.map((result) => result.doneSeconds)),
    mibPerSecond: tree.bytes / MIB / filesSeconds,
    stages: results[0]?.stages ?? [],
  };
};

export const cloneBench = async (context: BenchContext): Promise<CloneRow[]> => {
  const { options, say, signal } = context;
  await using lab = await Lab.create({ directory: labs, nodes: Math.max(...options.nodes) });
  const memory = await memoryDirectory(lab, 'memory');
  const trees = await makeTrees(lab, memory, context);
  const rows: CloneRow[] = [];
  for (const tree of trees) {
    for (const nodes of options.nodes) {
      const results = new Map<CloneTool, CloneResult[]>(
        [kaSession, tarStar, rsyncStar].map((tool) => [tool, []]),
      );
      for (let round = 1; round <= options.runs; round += 1) {
        for (const [tool, taken] of results) {
          signal.throwIfAborted();
          const targets = await makeTargets(lab, memory, nodes);
          const result = await tool.run({ lab, tree: tree.path, targets, signal });
          taken.push(result);
          const files = await countFiles(targets[0]?.directory ?? '');
          say(
            `${tree.name}, ${nodes} nodes, round ${round} of ${options.runs}: ${tool.name} ${result.filesSeconds.toFixed(1)} s, ${files} files`,
          );
          for (const { directory } of targets) await rm(directory, { recursive: true });
        }
      }
      for (const [tool, taken] of results) rows.push(toRow(tool, tree, nodes, taken));
    }
  }
  return rows;
};
