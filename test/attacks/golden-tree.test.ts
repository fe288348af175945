/** A tree that is cloned with --root may have come from anywhere: its links do not lead to this machine's own files. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readGoldenRoot } from '../../golden/golden-root.ts';

let place: string;
let root: string;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'ka-tree-'));
  root = join(place, 'root');
  mkdirSync(join(root, 'etc'), { recursive: true });
});

afterEach(() => rmSync(place, { recursive: true }));

test.each(['etc/hostname', 'etc/fstab'])(
  '%s that is a link to a file of this machine',
  async (path) => {
    const secret = join(place, 'secret');
    writeFileSync(secret, 'secret\nLABEL=secret /secret ext4 defaults 0 0\n');
    symlinkSync(secret, join(root, path));
    const { hostname, fstab } = await readGoldenRoot(root);
    expect(hostname).toBe('golden');
    expect(fstab).toEqual([]);
  },
);

test('a host name that is none is not sent to anybody', async () => {
  writeFileSync(join(root, 'etc/hostname'), 'root:$y$j9T$notarealhash:19000:0:99999:7:::\n');
  expect((await readGoldenRoot(root)).hostname).toBe('golden');
  writeFileSync(join(root, 'etc/hostname'), '# mine\nnode-7.example.org\n');
  expect((await readGoldenRoot(root)).hostname).toBe('node-7.example.org');
});
