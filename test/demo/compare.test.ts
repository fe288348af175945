import { chmod, chown, link, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { compareTrees, readTree, type Tree } from '../../demo/compare.ts';
import { writeSampleData } from '../../demo/sample-data.ts';
import { run } from '../../system/run.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;
let golden: Tree;

beforeAll(async () => {
  dir = await makeTempDir();
  const root = join(dir.path, 'golden');
  await run('mkdir', [root]);
  await writeSampleData(root, 2);
  golden = await readTree(root);
});

afterAll(async () => {
  await dir[Symbol.asyncDispose]();
});

/** Differences of a faithful copy after `change` was done to it. */
const differencesAfter = async (
  change: (copy: string) => Promise<unknown>,
  mayDiffer: (path: string) => boolean = () => false,
) => {
  const copy = join(dir.path, 'copy');
  await rm(copy, { recursive: true, force: true });
  await run('cp', ['--archive', '--sparse=always', join(dir.path, 'golden'), copy]);
  await change(copy);
  // The times of directories change with most changes; that is not what these tests look at.
  const result = compareTrees(golden, await readTree(copy), mayDiffer);
  return result.differences;
};

describe('a faithful copy', () => {
  test('has no difference', async () => {
    expect(await differencesAfter(async () => undefined)).toEqual([]);
  });

  test('is looked at in full', async () => {
    const { entries, bytes } = compareTrees(golden, golden, () => false);
    expect(entries).toBe(golden.size);
    expect(entries).toBeGreaterThan(20);
    expect(bytes).toBeGreaterThan(64 * 1024 * 1024);
  });
});

const keepTimes = async (copy: string, name: string, change: () => Promise<unknown>) => {
  await change();
  await run('touch', ['--reference', join(dir.path, 'golden', name), join(copy, name)]);
  await run('touch', ['--reference', join(dir.path, 'golden'), copy]);
};

const faults: [string, RegExp, (copy: string) => Promise<unknown>][] = [
  [
    'other contents of the same size',
    /"plain": sha256/,
    (copy) => keepTimes(copy, 'plain', () => writeFile(join(copy, 'plain'), 'plaim\n')),
  ],
  ['a missing file', /"empty": missing/, (copy) => rm(join(copy, 'empty'))],
  ['a file too many', /"new": is not on the golden/, (copy) => writeFile(join(copy, 'new'), '')],
  ['other rights', /"empty": mode "600"/, (copy) => chmod(join(copy, 'empty'), 0o600)],
  ['another owner', /"empty": owner "7:8"/, (copy) => chown(join(copy, 'empty'), 7, 8)],
  ['another time', /"empty": modified/, (copy) => utimes(join(copy, 'empty'), 1, 86_400.5)],
  ['a lost ACL', /"plain": .*attributes/, (copy) => run('setfacl', ['-b', join(copy, 'plain')])],
  [
    'a lost attribute',
    /"deep": attributes/,
    (copy) => run('setfattr', ['-x', 'trusted.note', join(copy, 'deep')]),
  ],
  ['a lost capability', /"tool": attributes/, (copy) => run('setcap', ['-r', join(copy, 'tool')])],
  [
    'a broken hard link',
    /"deep\/hard link": linkedWith/,
    (copy) =>
      run('cp', [
        '--archive',
        '--remove-destination',
        join(dir.path, 'golden/plain'),
        join(copy, 'deep/hard link'),
      ]),
  ],
  ['a hard link too many', /"other"/, (copy) => link(join(copy, 'empty'), join(copy, 'other'))],
  [
    'a filled hole',
    /"sparse": holes filled/,
    (copy) =>
      keepTimes(copy, 'sparse', () => run('fallocate', ['--length', '64M', join(copy, 'sparse')])),
  ],
  ['a truncated file', /"bulk": .*size/, (copy) => truncate(join(copy, 'bulk'), 5)],
  [
    'another link target',
    /"dangling": .*target/,
    (copy) => run('ln', ['-sfn', '/elsewhere', join(copy, 'dangling')]),
  ],
  [
    'another device',
    /"device": .*device "1:5"/,
    async (copy) => {
      await rm(join(copy, 'device'));
      await run('mknod', [join(copy, 'device'), 'c', '1', '5']);
    },
  ],
  ['a lost odd name', /"new\\nline": missing/, (copy) => rm(join(copy, 'new\nline'))],
];

describe('in a copy is found', () => {
  test.each(faults)('%s', async (_, line, change) => {
    const differences = await differencesAfter(change);
    expect(differences).toEqual(expect.arrayContaining([expect.stringMatching(line)]));
  });
});

test('a path that may differ is counted apart', async () => {
  const change = (copy: string) =>
    keepTimes(copy, 'plain', () => writeFile(join(copy, 'plain'), 'mine'));
  const linked = (path: string) => ['plain', 'deep/hard link', 'deep/er/another'].includes(path);
  expect(await differencesAfter(change, linked)).toEqual([]);
});
