import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Lab } from '../../demo/lab.ts';
import { makeBlankImage } from '../../demo/loop-disk.ts';
import { run } from '../../system/run.ts';
import { readReport, startAgent, startGolden, startSearching } from '../support/cluster.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { MIB, makeSmallGolden, type SmallGolden } from '../support/small-golden.ts';

let lab: Lab;
let golden: SmallGolden;

beforeAll(async () => {
  lab = await Lab.create({ nodes: 2, directory: labDirectory });
  golden = await makeSmallGolden(lab, {
    bytes: 96 * MIB,
    fill: (root) => writeFile(join(root, 'data'), Buffer.alloc(40 * MIB, 'data')),
  });
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const hashOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
};

const startSession = (nodes: number, description = golden.description) =>
  startGolden(lab, ['-n', String(nodes), '-p', 'sda', description, '--root', golden.root]);

interface Case {
  what: string;
  image: string;
  bytes: number;
  /** What the golden and the node both say. */
  line: RegExp;
  attach: (image: string) => Promise<string>;
}

const cases: Case[] = [
  {
    what: 'too small',
    image: 'small.img',
    bytes: 20 * MIB,
    line: /partition 1 \(\/\) of sda \(\/dev\/loop\d+\) has 19 MiB, .* its files take 40 MiB; give it more/,
    attach: (image) => lab.attach(image),
  },
  {
    what: 'mounted',
    image: 'mounted.img',
    bytes: 128 * MIB,
    line: /sda \(\/dev\/loop\d+\) is in use: .*used.*; free it/,
    attach: async (image) => {
      const device = await lab.attach(image);
      await run('mkfs.ext4', ['-q', device]);
      await lab.mount(device, 'used', 'ro');
      return device;
    },
  },
  {
    what: 'write-protected',
    image: 'protected.img',
    bytes: 128 * MIB,
    line: /sda \(\/dev\/loop\d+\) is read-only; remove/,
    attach: (image) => lab.attach(image, { readOnly: true }),
  },
];

describe('a disk is refused and left as it was when it is', () => {
  test.each(cases)('$what', async ({ image, bytes, line, attach }) => {
    const file = join(lab.directory, image);
    await makeBlankImage(file, bytes);
    const device = await attach(file);
    const before = await hashOf(file);
    const session = startSession(1);
    const agent = startAgent(lab, 1, ['--disk', `sda=${device}`]);
    expect([await session.ended, await agent.ended]).toEqual([1, 1]);
    const [node] = (await readReport(lab)).nodes;
    expect(node?.result).toBe('refused');
    expect(node?.failure?.message).toMatch(line);
    expect(await agent.text()).toMatch(line);
    await run('blockdev', ['--flushbufs', device]);
    expect(await hashOf(file)).toBe(before);
  });
});

test('a disk of another sector size is refused when it should take a raw copy', async () => {
  const description = join(lab.directory, 'raw.json');
  const partition = { size: '95MiB', content: 'raw', type: 'linux' };
  const disks = [{ name: 'sda', table: 'msdos', partitions: [partition] }];
  await writeFile(description, JSON.stringify({ disks }));
  const file = join(lab.directory, 'sectors.img');
  const device = await lab.blankDisk(file, 128 * MIB, 4096);
  const before = await hashOf(file);
  const session = startSession(1, description);
  const agent = startAgent(lab, 1, ['--disk', `sda=${device}`]);
  expect([await session.ended, await agent.ended]).toEqual([1, 1]);
  const [node] = (await readReport(lab)).nodes;
  expect(node?.failure?.message).toMatch(/sda.*4096.*512|sda.*512.*4096/);
  expect(await hashOf(file)).toBe(before);
});

test('an agent whose disk does not exist says so and joins nothing', async () => {
  const agent = startSearching(lab, 1, ['--disk', 'sda=/dev/nonesuch']);
  expect(await agent.ended).toBe(1);
  expect(await agent.text()).toMatch(/\/dev\/nonesuch.*(no such|not exist|is there)/i);
});

test('an agent that is given an image file says how to attach it', async () => {
  const file = join(lab.directory, 'file.img');
  await makeBlankImage(file, 128 * MIB);
  const agent = startSearching(lab, 1, ['--disk', `sda=${file}`]);
  expect(await agent.ended).toBe(1);
  expect(await agent.text()).toContain(`file.img is no device; attach it first: losetup -f`);
});

test('of two nodes the one whose disk does not fit is refused, the other is cloned', async () => {
  const small = join(lab.directory, 'does-not-fit.img');
  const smallDisk = await lab.blankDisk(small, 10 * MIB);
  const goodDisk = await lab.blankDisk(join(lab.directory, 'fits.img'), 128 * MIB);
  const before = await hashOf(small);
  const session = startSession(2);
  const good = startAgent(lab, 1, ['--disk', `sda=${goodDisk}`]);
  const bad = startAgent(lab, 2, ['--disk', `sda=${smallDisk}`]);
  expect([await session.ended, await good.ended, await bad.ended]).toEqual([2, 0, 1]);
  const results = (await readReport(lab)).nodes.map(({ name, result }) => [name, result]);
  expect(results.sort()).toEqual([
    ['node1', 'done'],
    ['node2', 'refused'],
  ]);
  expect(await hashOf(small)).toBe(before);
});
