import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Lab, type LabHost } from '../../demo/lab.ts';
import { run } from '../../system/run.ts';
import { readReport, startAgent, startGolden, startSearching } from '../support/cluster.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { MIB, makeSmallGolden, type SmallGolden } from '../support/small-golden.ts';

const makeLab = (nodes = 1) => Lab.create({ nodes, directory: labDirectory });

const tinyGolden = (lab: Lab): Promise<SmallGolden> =>
  makeSmallGolden(lab, {
    bytes: 64 * MIB,
    fill: (root) => writeFile(join(root, 'data'), Buffer.alloc(MIB, 'data')),
  });

const whatToClone = (golden: SmallGolden) => [
  ...['-p', 'sda', golden.description],
  ...['--root', golden.root],
];

const diskFlags = async (lab: Lab, bytes: number) => {
  const device = await lab.blankDisk(join(lab.directory, 'node.img'), bytes);
  return ['--disk', `sda=${device}`];
};

test('without a session an agent tries five times and gives up', async () => {
  await using lab = await makeLab();
  const agent = startSearching(lab, 1, await diskFlags(lab, 64 * MIB));
  expect(await agent.ended).toBe(1);
  const text = await agent.text();
  expect(text).toContain('(Try 5/5)');
  expect(text).toContain("Can't reach a valid KA server: no session answered");
}, 60_000);

describe('with another session name', () => {
  test('an agent that searches names the session it saw', async () => {
    await using lab = await makeLab();
    const golden = await tinyGolden(lab);
    const session = startGolden(lab, ['-n', '1', ...whatToClone(golden)]);
    const flags = ['--session', 'other', ...(await diskFlags(lab, 64 * MIB))];
    const agent = startSearching(lab, 1, flags);
    expect(await agent.ended).toBe(1);
    expect(await agent.text()).toMatch(
      /Can't reach a valid KA server: golden at 10\.75\.0\.1 has session "test", not "other"/,
    );
    session.kill('SIGTERM');
    expect(await session.ended).toBe(1);
  }, 60_000);

  test('an agent that was told the golden is refused by it', async () => {
    await using lab = await makeLab();
    const golden = await tinyGolden(lab);
    const session = startGolden(lab, ['-n', '1', ...whatToClone(golden)]);
    const flags = ['--session', 'other', ...(await diskFlags(lab, 64 * MIB))];
    const agent = startAgent(lab, 1, flags);
    expect(await agent.ended).toBe(1);
    expect(await agent.text()).toContain('it wants session "other", this golden has "test"');
    session.kill('SIGTERM');
    expect(await session.ended).toBe(1);
    expect(await session.text()).toContain('it wants session');
  }, 60_000);
});

/** A golden whose PATH has every tool but some. */
const withoutTools = async (lab: Lab, missing: readonly string[]) => {
  const directory = join(lab.directory, 'bin');
  await mkdir(directory);
  const tools = new Map<string, string>();
  for (const place of ['/usr/bin', '/usr/sbin']) {
    for (const name of await readdir(place)) tools.set(name, join(place, name));
  }
  for (const name of missing) tools.delete(name);
  for (const [name, file] of tools) await symlink(file, join(directory, name));
  return onPath(lab.golden, directory);
};

const onPath = (host: LabHost, path: string) => ({
  argv: (command: readonly string[]) => host.argv(['env', `PATH=${path}`, ...command]),
});

test('a golden without the tools it needs names them and starts nothing', async () => {
  await using lab = await makeLab(0);
  const golden = await tinyGolden(lab);
  const on = await withoutTools(lab, ['rsync', 'zstd']);
  const session = startGolden(lab, ['-n', '1', ...whatToClone(golden)], on);
  expect(await session.ended).toBe(1);
  expect(await session.text()).toContain('the golden lacks zstd, rsync; install them');
});

test('a file the golden cannot read fails the session and names the file', async () => {
  await using lab = await makeLab();
  const golden = await makeSmallGolden(lab, {
    bytes: 128 * MIB,
    fill: async (root) => {
      await writeFile(join(root, 'good'), Buffer.alloc(30 * MIB, 'data'));
      await writeFile(join(root, 'unreadable'), Buffer.alloc(MIB, 'data'));
    },
    // Spoils the list of this file's blocks: reading it is then a real error of the file system.
    afterwards: (device) =>
      run('debugfs', ['-w', '-R', 'set_inode_field /unreadable block[0] 0x1234', device]),
  });
  const session = startGolden(lab, ['-n', '1', ...whatToClone(golden)]);
  const agent = startAgent(lab, 1, await diskFlags(lab, 160 * MIB));
  expect([await session.ended, await agent.ended]).toEqual([1, 1]);
  const report = await readReport(lab);
  expect(report.nodes.map(({ result }) => result)).not.toContain('done');
  expect(await session.text()).toMatch(/unreadable/);
}, 120_000);

/** Fits by its size, but not with blocks of 4 KiB: each file of the golden fills one of 1 KiB. */
const manySmallBlocks = async (root: string): Promise<void> => {
  await mkdir(join(root, 'many'));
  for (let index = 0; index < 12_000; index += 1) {
    await writeFile(join(root, 'many', `f${index}`), 'x'.repeat(1000));
  }
};

test('a node whose file system becomes full says so, and which', async () => {
  await using lab = await makeLab();
  const partition = {
    size: 'fill',
    filesystem: { type: 'ext4', options: ['-b', '4096', '-N', '20000'] },
    mount: '/',
  };
  const golden = await makeSmallGolden(lab, {
    bytes: 64 * MIB,
    mkfs: ['-b', '1024', '-N', '20000'],
    description: {
      name: 'description.json',
      text: JSON.stringify({ disks: [{ name: 'sda', table: 'msdos', partitions: [partition] }] }),
    },
    fill: manySmallBlocks,
  });
  const session = startGolden(lab, ['-n', '1', ...whatToClone(golden)]);
  const agent = startAgent(lab, 1, await diskFlags(lab, 48 * MIB));
  expect([await session.ended, await agent.ended]).toEqual([1, 1]);
  const [node] = (await readReport(lab)).nodes;
  expect(node?.result).toBe('failed');
  expect(node?.failure?.code).toBe('TargetFull');
  expect(node?.failure?.message).toMatch(/^\/ \(\/dev\/loop\d+p1\) is full/);
}, 120_000);
