/** The demo without root: everything real but the disks; clones go into directories on 127.0.0.x. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { NamedError } from '../system/named-error.ts';
import { readTree } from './compare.ts';
import { requireOwn, requireWhole } from './golden-directory.ts';
import type { DemoOptions } from './options.ts';
import { type Say, step, stepThatShows } from './progress.ts';
import { writeSampleData } from './sample-data.ts';
import { runSession } from './session.ts';
import { type Verified, verifyClone } from './verify.ts';

const SAMPLE_MEBIBYTES = 200;

const makeSamples = async (directory: string, say: Say): Promise<string> => {
  await mkdir(directory);
  await step(say, `making a directory with ${SAMPLE_MEBIBYTES} MiB of files to clone`, () =>
    writeSampleData(directory, SAMPLE_MEBIBYTES, { plain: true }),
  );
  return directory;
};

/** The directory to clone, when it is one that can be cloned without root. */
const checked = async (golden: string, places: readonly string[]): Promise<string> => {
  const found = await stat(golden).catch(() => null);
  if (found?.isDirectory()) {
    await requireWhole(golden, places);
    if (process.getuid?.() !== 0) await requireOwn(golden);
    return golden;
  }
  throw new NamedError(
    'NoGolden',
    found
      ? `--golden ${golden}: disk images are cloned by root only; give a directory, or run the demo as root`
      : `--golden ${golden}: there is no such file or directory`,
  );
};

/** Runs it; the result says for each node what differs and should not. */
export const runDirectoryDemo = async (
  options: DemoOptions,
  cacheDirectory: string,
  say: Say,
  signal: AbortSignal,
): Promise<Verified[]> => {
  await mkdir(cacheDirectory, { recursive: true });
  const directory = await mkdtemp(join(cacheDirectory, 'directories-'));
  try {
    const keep = options.keep === undefined ? directory : resolve(options.keep);
    const golden =
      options.golden === undefined
        ? await makeSamples(join(directory, 'golden'), say)
        : await checked(resolve(options.golden), [directory, keep]);
    const description = join(directory, 'description.json');
    const partition = { size: 'fill', filesystem: 'ext4', mount: '/' };
    await writeFile(
      description,
      JSON.stringify({ disks: [{ name: 'sda', table: 'msdos', partitions: [partition] }] }),
    );
    const nodes = Array.from({ length: options.nodes }, (_, index) => ({
      name: `node${index + 1}`,
      address: `127.0.0.${11 + index}`,
      into: join(keep, `node${index + 1}`),
    }));
    for (const { into } of nodes) {
      if (existsSync(into))
        throw new NamedError(
          'KeepNotEmpty',
          `${into} is there already; remove it or give another --keep`,
        );
      await mkdir(into, { recursive: true });
    }
    const report = options.keep === undefined ? [] : ['--report', join(keep, 'report.json')];
    const ui = options.ui === undefined ? [] : ['--ui', options.ui];
    await stepThatShows(say, `session: ka golden and ${nodes.length} × ka agent --into`, () =>
      runSession({
        name: 'demo',
        golden: { address: '127.0.0.1' },
        goldenFlags: ['-p', 'sda', description, '--root', golden, ...report, ...ui],
        nodes: nodes.map(({ name, address, into }) => ({
          name,
          address,
          target: ['--into', into],
        })),
        directory,
        signal,
      }),
    );
    const tree = await readTree(golden);
    const ownIdentity = existsSync(join(golden, 'etc'));
    const results: Verified[] = [];
    for (const { name, into } of nodes) {
      results.push(await verifyClone(say, tree, { name, root: into, ownIdentity }));
    }
    if (options.keep !== undefined) say(`kept in ${keep}: the clones and report.json`);
    return results;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
