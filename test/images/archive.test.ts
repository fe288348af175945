import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { packInitrd, packSquashfs } from '../../images/archive.ts';
import { run } from '../../system/run.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const sha256 = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

/** The same files made in another order, at another time. */
const makeTree = async (directory: string, names: readonly string[], time: number) => {
  for (const name of names) {
    await mkdir(join(directory, 'usr', name), { recursive: true });
    await writeFile(join(directory, 'usr', name, 'file'), `content of ${name}`);
    await utimes(join(directory, 'usr', name, 'file'), time, time);
  }
  await mkdir(join(directory, 'etc'));
};

describe('an initrd', () => {
  test('of the same files is the same to the byte, and unpacks to them', async () => {
    await using dir = await makeTempDir();
    const at = (name: string) => join(dir.path, name);
    await makeTree(at('one'), ['a', 'b'], 1e9);
    await makeTree(at('two'), ['b', 'a'], 1.5e9);
    await packInitrd(at('one'), at('one.zst'), {});
    await packInitrd(at('two'), at('two.zst'), {});
    expect(await sha256(at('one.zst'))).toBe(await sha256(at('two.zst')));
    await run('zstd', ['-q', '-d', at('one.zst'), '-o', at('one.cpio')]);
    const { stdout } = await run('cpio', ['--list', '--quiet', '--file', at('one.cpio')]);
    expect(stdout.trim().split('\n')).toEqual([
      'etc',
      'usr',
      'usr/a',
      'usr/a/file',
      'usr/b',
      'usr/b/file',
    ]);
  });

  test('takes a link to a directory outside as a link, and leaves that directory alone', async () => {
    await using dir = await makeTempDir();
    const at = (name: string) => join(dir.path, name);
    await mkdir(at('outside'));
    await writeFile(join(at('outside'), 'file'), '');
    const before = (await stat(join(at('outside'), 'file'))).mtimeMs;
    await mkdir(at('tree'));
    await symlink(at('outside'), join(at('tree'), 'link'));
    await packInitrd(at('tree'), at('tree.zst'), {});
    expect((await stat(join(at('outside'), 'file'))).mtimeMs).toBe(before);
    await run('zstd', ['-q', '-d', at('tree.zst'), '-o', at('tree.cpio')]);
    const { stdout } = await run('cpio', ['--list', '--quiet', '--file', at('tree.cpio')]);
    expect(stdout.trim()).toBe('link');
  });
});

test('a squashfs of the same root is the same to the byte, without what is not needed', async () => {
  await using dir = await makeTempDir();
  const at = (name: string) => join(dir.path, name);
  for (const [name, time] of [
    ['one', 1e9],
    ['two', 1.5e9],
  ] as const) {
    await makeTree(at(name), ['bin', 'share'], time);
    await packSquashfs(at(name), ['usr/share'], at(`${name}.squashfs`), {});
  }
  expect(await sha256(at('one.squashfs'))).toBe(await sha256(at('two.squashfs')));
  const { stdout } = await run('unsquashfs', ['-l', '-d', '', at('one.squashfs')]);
  expect(stdout.trim().split('\n').filter(Boolean)).toEqual([
    '/etc',
    '/usr',
    '/usr/bin',
    '/usr/bin/file',
  ]);
});
