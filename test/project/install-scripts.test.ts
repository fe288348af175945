/** Nothing runs when npm installs: `.npmrc` says so, and whoever wants to is known by name. */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { run } from '../../system/run.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Packages that would run something, and do without. A new one is looked at before it gets in here. */
const KNOWN = [
  // Builds itself where no binary of its own fits; jest is told not to use it.
  '@parcel/watcher',
  // Looks whether its binary starts.
  '@swc/core',
  // Puts its binary in the place of a script, to start faster.
  'esbuild',
];

interface LockFile {
  packages: Record<string, { hasInstallScript?: boolean }>;
}

test('packages with install scripts are known by name', async () => {
  const lock: LockFile = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const found = Object.entries(lock.packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
  expect([...new Set(found)].sort()).toEqual(KNOWN);
});

test('a package of this project is installed without running its scripts', async () => {
  await using dir = await makeTempDir();
  const at = (name: string): string => join(dir.path, name);
  const write = (name: string, what: object): Promise<void> =>
    writeFile(at(name), JSON.stringify(what));
  await copyFile(join(root, '.npmrc'), at('.npmrc'));
  await mkdir(at('curious'));
  await write('package.json', { dependencies: { curious: 'file:curious' } });
  const scripts = { install: `touch ${at('it-ran')}`, postinstall: `touch ${at('it-ran')}` };
  await write('curious/package.json', { name: 'curious', version: '1.0.0', scripts });
  const { stdout } = await run('npm', ['install', '--offline', '--no-audit'], { cwd: dir.path });
  expect(stdout).toMatch(/added 1 package/);
  expect(await readdir(dir.path)).not.toContain('it-ran');
});
