/** The demo as it should be: nodes in network namespaces, each with a disk to clone onto. */
import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { readTree } from './compare.ts';
import { buildGoldenDisk, findGoldenDisk, goldenDescription } from './golden-disk.ts';
import { kaCommand } from './ka-process.ts';
import { Lab } from './lab.ts';
import { mountSystem } from './mounted-system.ts';
import type { DemoOptions } from './options.ts';
import { type Say, step, stepThatShows } from './progress.ts';
import { runSession } from './session.ts';
import { type Verified, verifyClone } from './verify.ts';

const MIB = 1024 * 1024;

/** How much larger than the golden's the disks of node 1, 2, 3 … are. */
const EXTRA_MEBIBYTES = [0, 512, 1229, 300, 900];

interface Golden {
  /** Disk image; null when a directory is cloned. */
  image: string | null;
  diskBytes: number;
  /** Directory with the system in it. */
  root: string;
  /** File for `ka golden -p sda`. */
  description: string;
}

const findImage = async (
  options: DemoOptions,
  cacheDirectory: string,
  say: Say,
  signal: AbortSignal,
) => {
  if (options.golden !== undefined) return resolve(options.golden);
  const cached = await findGoldenDisk(cacheDirectory);
  if (cached !== null) {
    say(`golden disk: ${cached}, built earlier`);
    return cached;
  }
  return step(say, 'building the golden disk, a small Debian (about a minute, once)', () =>
    buildGoldenDisk({ cacheDirectory, signal }),
  );
};

/** A directory has no disk to take the layout from: one partition for everything. */
const describeDirectory = async (root: string, file: string): Promise<number> => {
  const partition = { size: 'fill', filesystem: 'ext4', mount: '/' };
  const disks = [{ name: 'sda', table: 'msdos', partitions: [partition] }];
  await writeFile(file, JSON.stringify({ disks }));
  const { stdout } = await run('du', ['--summarize', '--block-size=1', root]);
  return Math.ceil((Number.parseInt(stdout, 10) * 1.3) / MIB + 256) * MIB;
};

const prepareGolden = async (lab: Lab, source: string, own: boolean): Promise<Golden> => {
  if (!existsSync(source))
    throw new NamedError('NoGolden', `--golden ${source}: there is no such file`);
  if ((await stat(source)).isDirectory()) {
    const description = join(lab.directory, 'description.json');
    const diskBytes = await describeDirectory(source, description);
    return { image: null, diskBytes, root: source, description };
  }
  const disk = await lab.attach(source, { readOnly: true });
  const root = await mountSystem(lab, disk, 'golden');
  const description = join(lab.directory, own ? 'description' : 'description.yaml');
  if (own) await writeFile(description, goldenDescription);
  else {
    const [file, ...args] = kaCommand(['desc', 'from-disk', disk, '--fill', '-o', description]);
    await run(file, args);
  }
  return { image: source, diskBytes: (await stat(source)).size, root, description };
};

const requireFree = async (directory: string, nodes: number): Promise<void> => {
  await mkdir(directory, { recursive: true });
  const names = [
    'golden.img',
    ...Array.from({ length: nodes }, (_, index) => `node${index + 1}.img`),
  ];
  const there = names.find((name) => existsSync(join(directory, name)));
  if (there)
    throw new NamedError(
      'KeepNotEmpty',
      `--keep ${directory}: ${there} is there already; remove it or give another directory`,
    );
};

/** Runs it; the result says for each node what differs and should not. */
export const runDiskDemo = async (
  options: DemoOptions,
  cacheDirectory: string,
  say: Say,
  signal: AbortSignal,
): Promise<Verified[]> => {
  const keep = options.keep === undefined ? null : resolve(options.keep);
  if (keep !== null) await requireFree(keep, options.nodes);
  const source = await findImage(options, cacheDirectory, say, signal);
  const { nodes: nodeCount } = options;
  const lab = await step(say, `making a network of ${nodeCount + 1} machines`, () =>
    Lab.create({ nodes: nodeCount, directory: cacheDirectory }),
  );
  await using _ = lab;
  const golden = await prepareGolden(lab, source, options.golden === undefined);
  const disks: string[] = [];
  for (const [index, host] of lab.nodes.entries()) {
    const extra = EXTRA_MEBIBYTES[index % EXTRA_MEBIBYTES.length] ?? 0;
    const bytes = golden.diskBytes + extra * MIB;
    const disk = await lab.blankDisk(join(keep ?? lab.directory, `${host.name}.img`), bytes);
    say(`${host.name}: ${host.address}, blank disk of ${bytes / MIB} MiB on ${disk}`);
    disks.push(disk);
  }
  const report = keep === null ? [] : ['--report', join(keep, 'report.json')];
  const ui = options.ui === undefined ? [] : ['--ui', options.ui];
  await stepThatShows(say, `session: ka golden and ${nodeCount} × ka agent`, () =>
    runSession({
      name: 'demo',
      golden: { address: lab.golden.address, on: lab.golden },
      goldenFlags: ['-p', 'sda', golden.description, '--root', golden.root, ...report, ...ui],
      nodes: lab.nodes.map((host, index) => ({
        name: host.name,
        address: host.address,
        on: host,
        target: ['--disk', `sda=${disks[index]}`],
      })),
      directory: lab.directory,
      signal,
    }),
  );
  const tree = await step(say, 'reading the golden for comparison', () => readTree(golden.root));
  const results: Verified[] = [];
  for (const [index, host] of lab.nodes.entries()) {
    signal.throwIfAborted();
    const root = await mountSystem(lab, disks[index] ?? '', `clone-${host.name}`);
    results.push(await verifyClone(say, tree, { name: host.name, root, ownIdentity: true }));
    await lab.unmount(root);
  }
  if (keep !== null) {
    if (golden.image !== null) {
      await run('cp', [
        '--sparse=always',
        '--reflink=auto',
        golden.image,
        join(keep, 'golden.img'),
      ]);
    }
    say(`kept in ${keep}: the disk images and report.json`);
  }
  return results;
};
