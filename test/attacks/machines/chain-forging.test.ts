/** Whole sessions with a member that changes a file on its way to the nodes behind it. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { readTree } from '../../../demo/compare.ts';
import { Lab } from '../../../demo/lab.ts';
import { loopPartition, showPartitions } from '../../../demo/loop-disk.ts';
import { run } from '../../../system/run.ts';
import {
  differencesOf,
  exits,
  readReport,
  startAgent,
  startGolden,
} from '../../support/cluster.ts';
import { labDirectory } from '../../support/lab-directory.ts';
import { MIB, makeSmallGolden } from '../../support/small-golden.ts';

const FORGER = fileURLToPath(new URL('../support/forging-agent.ts', import.meta.url));
const GOOD = 'PermitRootLogin no ';
const EVIL = 'PermitRootLogin yes';
const NODES = 4;
const FORGING = 2;

const KEPT = { start: 80 * MIB, bytes: 16 * MIB };
const description = {
  name: 'disk.yaml',
  text: [
    'disks:',
    '  - name: sda',
    '    table: msdos',
    '    partitions:',
    '      - { size: 64MiB, filesystem: ext4, mount: /, flags: [boot] }',
    '      - { size: 16MiB, content: keep }',
    '      - { size: fill, filesystem: ext4, mount: /empty, content: empty }',
    '',
  ].join('\n'),
};

/** A disk with a partition to be kept, which holds `bytes`, and boot code of an earlier system. */
const usedDisk = async (lab: Lab, name: string, bytes: Buffer): Promise<string> => {
  const image = join(lab.directory, name);
  const disk = await lab.blankDisk(image, 128 * MIB);
  const input = 'label: dos\nstart=1M, size=20M\nstart=80M, size=16M, type=7\n';
  await run('sfdisk', ['--quiet', disk], { input });
  const handle = await open(disk, 'r+');
  await handle.write(Buffer.alloc(440, 0x90), 0, 440, 0);
  await handle.write(bytes, 0, bytes.length, KEPT.start);
  await handle.sync();
  await handle.close();
  return disk;
};

const forging = ['env', `NODE_OPTIONS=--import=${FORGER}`, `FORGE=${GOOD}/${EVIL}`];

const startSession = async (lab: Lab, kept: Buffer, flags: readonly string[]) => {
  const golden = await makeSmallGolden(lab, {
    bytes: 64 * MIB,
    description,
    fill: async (root) => {
      await mkdir(join(root, 'empty'));
      await writeFile(join(root, 'noise'), randomBytes(8 * MIB));
      await writeFile(join(root, 'etc/sshd_config'), `${GOOD}\n`);
    },
  });
  const disks = await Promise.all(
    Array.from({ length: NODES }, (_, index) => usedDisk(lab, `node${index + 1}.img`, kept)),
  );
  const what = ['-p', 'sda', golden.description, '--root', golden.root, '--compress', 'none'];
  const session = startGolden(lab, ['-n', String(NODES), ...what, ...flags]);
  const agents = disks.map((disk, index) =>
    startAgent(lab, index + 1, ['--disk', `sda=${disk}`], index + 1 === FORGING ? forging : []),
  );
  return { golden, disks, session, agents };
};

/** Type of the file system on a partition; empty when there is none. */
const typeOf = async (device: string): Promise<string> => {
  const args = ['-p', '-s', 'TYPE', '-o', 'value', device];
  return (await run('blkid', args, { okExitCodes: [0, 2] })).stdout.trim();
};

const startOf = async (disk: string): Promise<Buffer> => {
  const handle = await open(disk, 'r');
  try {
    return (await handle.read(Buffer.alloc(512), 0, 512, 0)).buffer;
  } finally {
    await handle.close();
  }
};

test('nodes behind a member that forges fail by name and cannot start; the others are cloned', async () => {
  await using lab = await Lab.create({ nodes: NODES, directory: labDirectory });
  const kept = randomBytes(KEPT.bytes);
  const { golden, disks, session, agents } = await startSession(lab, kept, []);
  expect(await session.ended).toBe(2);
  const ends = await Promise.all(agents.map(({ ended }) => ended));
  expect(await agents[FORGING - 1]?.text()).toContain('forged');
  const report = await readReport(lab);
  expect(report.network).toBe('open');
  expect(report.nodes.map(({ name, result }) => `${name} ${result}`).sort()).toEqual([
    'node1 done',
    'node2 done',
    'node3 failed',
    'node4 failed',
  ]);
  expect(ends).toEqual([0, 0, 1, 1]);
  for (const number of [3, 4]) {
    const failure = report.nodes.find(({ name }) => name === `node${number}`)?.failure;
    expect(failure?.code).toBe('ForgedStream');
    expect(failure?.message).toMatch(/^stream "\/" is not what the golden sent: sha256 differ/);
    expect(failure?.message).toMatch(/it came from node \d \(10\.75\.0\.1[23]:/);
    expect(failure?.message).toMatch(/this node's disks were made unbootable$/);
    const disk = disks[number - 1] ?? '';
    await showPartitions(disk);
    for (const partition of [1, 3]) expect(await typeOf(loopPartition(disk, partition))).toBe('');
    const sector = await startOf(disk);
    expect(sector.subarray(0, 440).equals(Buffer.alloc(440))).toBe(true);
    const { stdout } = await run('sfdisk', ['--dump', disk]);
    expect(stdout.match(/start=/g)).toHaveLength(3);
    // The partition that was to be kept is.
    const left = await readFile(loopPartition(disk, 2));
    expect(left.equals(kept)).toBe(true);
  }
  const tree = await readTree(golden.root);
  expect(await differencesOf(lab, tree, disks[0] ?? '', 'node1')).toEqual([]);
}, 180_000);

test('in a trusted network nobody is asked to vouch, as the plan says', async () => {
  await using lab = await Lab.create({ nodes: NODES, directory: labDirectory });
  const kept = randomBytes(KEPT.bytes);
  const { session, agents } = await startSession(lab, kept, ['--network', 'trusted']);
  expect(await exits(session, ...agents)).toEqual(Array.from({ length: NODES + 1 }, () => 0));
  expect(await agents[FORGING - 1]?.text()).toContain('forged');
  expect(await session.text()).toContain('can be read and changed by whoever is on it');
  expect((await readReport(lab)).network).toBe('trusted');
}, 180_000);
