/** The demo without root: everything real but the disks; clones go into directories on 127.0.0.x. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import { readTree } from './compare.ts';
import type { DemoOptions } from './options.ts';
import { type Say, step, stepThatShows } from './progress.ts';
import { writeSampleData } from './sample-data.ts';
import { runSession } from './session.ts';
import { type Verified, verifyClone } from './verify.ts';

const SAMPLE_MEBIBYTES = 200;

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
    const golden =
      options.golden === undefined ? join(directory, 'golden') : resolve(options.golden);
    if (options.golden === undefined) {
      await mkdir(golden);
      await step(say, `making a directory with ${SAMPLE_MEBIBYTES} MiB of files to clone`, () =>
        writeSampleData(golden, SAMPLE_MEBIBYTES, { plain: true }),
      );
    }
    const keep = options.keep === undefined ? directory : resolve(options.keep);
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
    const results: Verified[] = [];
    for (const { name, into } of nodes) {
      results.push(await verifyClone(say, tree, { name, root: into, ownIdentity: false }));
    }
    if (options.keep !== undefined) say(`kept in ${keep}: the clones and report.json`);
    return results;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
