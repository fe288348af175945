/** The demo as it should be: nodes in network namespaces, each with a disk to clone onto. */
import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { readTree } from './compare.ts';
import { prepareDirectory, requireWhole } from './golden-directory.ts';
import { buildGoldenDisk, findGoldenDisk, goldenDescription } from './golden-disk.ts';
import { prepareImage } from './golden-image.ts';
import { Lab } from './lab.ts';
import { loopPartition } from './loop-disk.ts';
import { mountSystem } from './mounted-system.ts';
import type { DemoOptions } from './options.ts';
import { MIB, type PreparedGolden } from './prepared-golden.ts';
import { type Say, step, stepThatShows } from './progress.ts';
import { runSession } from './session.ts';
import { type Verified, verifyClone } from './verify.ts';

/** How much larger than the golden's the disks of node 1, 2, 3 … are. */
const EXTRA_MEBIBYTES = [0, 512, 1229, 300, 900];

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

const prepareOwn = async (lab: Lab, image: string): Promise<PreparedGolden> => {
  const disk = await lab.attach(image, { readOnly: true });
  const root = await mountSystem(lab, disk, 'golden');
  const description = join(lab.directory, 'description');
  await writeFile(description, goldenDescription);
  const { size: diskBytes } = await stat(image);
  return { image, diskBytes, root, description, flags: [], hasSystem: true, raw: [] };
};

const prepareGolden = async (
  lab: Lab,
  source: string,
  { own, keep, say }: { own: boolean; keep: string | null; say: Say },
): Promise<PreparedGolden> => {
  if (own) return prepareOwn(lab, source);
  const found = await stat(source).catch(() => null);
  if (found?.isFile()) return prepareImage(lab, source, say);
  if (!found?.isDirectory()) {
    throw new NamedError('NoGolden', `--golden ${source}: there is no such file or directory`);
  }
  await requireWhole(source, [lab.directory, keep ?? lab.directory]);
  return prepareDirectory(source, join(lab.directory, 'description.json'), say);
};

/** Where the files of a clone are, mounted read-only. */
const mountClone = (
  lab: Lab,
  disk: string,
  name: string,
  { image }: PreparedGolden,
): Promise<string> =>
  image === null ? lab.mount(loopPartition(disk, 1), name, 'ro') : mountSystem(lab, disk, name);

/** Partitions that should have the golden's bytes and have not. */
const compareRaw = async (disk: string, { raw }: PreparedGolden): Promise<string[]> => {
  const differences: string[] = [];
  for (const { number, device } of raw) {
    const { stdout } = await run('blockdev', ['--getsize64', device]);
    const bytes = ['--bytes', stdout.trim()];
    const compared = await run('cmp', [...bytes, device, loopPartition(disk, number)], {
      okExitCodes: [0, 1],
    });
    if (compared.exitCode === 1) differences.push(`partition ${number}: not the golden's bytes`);
  }
  return differences;
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
  const own = options.golden === undefined;
  const golden = await prepareGolden(lab, source, { own, keep, say });
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
      goldenFlags: [
        ...['-p', 'sda', golden.description, '--root', golden.root],
        ...[...golden.flags, ...report, ...ui],
      ],
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
    const disk = disks[index] ?? '';
    const root = await mountClone(lab, disk, `clone-${host.name}`, golden);
    const ownIdentity = golden.hasSystem;
    const others = await compareRaw(disk, golden);
    results.push(await verifyClone(say, tree, { name: host.name, root, ownIdentity, others }));
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
