/** `ka images build` says what is wrong before it works for minutes. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { kaCommand } from '../../demo/ka-process.ts';
import { run } from '../../system/run.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;
const at = (name: string): string => join(dir.path, name);

beforeEach(async () => {
  dir = await makeTempDir();
});

afterEach(async () => {
  await dir[Symbol.asyncDispose]();
});

interface Refused {
  code: number | undefined;
  lines: string[];
  seconds: number;
}

const build = async (args: string[], options: { path?: string; as?: string[] } = {}) => {
  const [file, ...rest] = [...(options.as ?? []), ...kaCommand(['images', 'build', ...args])];
  const since = Date.now();
  const { exitCode, stdout, stderr } = await execa(file ?? '', rest, {
    reject: false,
    env: { KA_STATE_DIR: at('state'), ...(options.path ? { PATH: options.path } : {}) },
  });
  expect(stdout).toBe('');
  const lines = stderr.replaceAll(`${dir.path}/`, '').split('\n');
  return { code: exitCode, lines, seconds: (Date.now() - since) / 1000 } satisfies Refused;
};

test('everything that was asked for wrongly is one line each, exit 64, and nothing is made', async () => {
  await writeFile(at('list'), '# cards\ne1000\nmissing.ko\n');
  await writeFile(at('script'), 'echo no interpreter\n');
  await writeFile(at('tool'), '');
  await mkdir(at('directory'));
  const refused = await build([
    ...['--name', '../image', '--drivers', at('list'), '--script', at('script')],
    ...['--add', at('nosuch'), '--add', at('directory'), '--script', at('nosuch script')],
    ...['--add', `${at('tool')}:/etc/x`, '--add', `${at('script')}:/etc/x`],
    ...['--package', 'no-such-package-anywhere', '--package', '--bad', '--package', 'zstd'],
    ...['--package', 'linux-image-cloud-amd64'],
  ]);
  expect(refused.lines).toEqual([
    'ka: image name "../image": use up to 64 letters, digits, dots and dashes',
    'ka: --package --bad: not the name of a Debian package',
    'ka: --package linux-image-cloud-amd64: the image has its kernel already (linux-image-amd64); leave it out',
    'ka: --add: two files for /etc/x; give one of them another place',
    'ka: --add nosuch: cannot be read (ENOENT)',
    'ka: --add directory: cannot be read (not a file)',
    'ka: --script script: no program; let it begin with #! and its interpreter',
    'ka: --script nosuch script: cannot be read (ENOENT)',
    'ka: --drivers list: line 3: missing.ko is not there',
    expect.stringMatching(/^ka: no Debian package no-such-package-anywhere in this machine's/),
  ]);
  expect(refused.code).toBe(64);
  expect(refused.seconds).toBeLessThan(15);
  expect(await readdir(at('state/images'))).toEqual(['.cache']);
  expect(await readdir(at('state/images/.cache'))).toEqual([]);
}, 60_000);

test.each([
  ['a list of drivers that is not there', 'nosuch', /^ka: --drivers nosuch: cannot be read/],
  ['words that are no modules', 'words', /line 2: "r8169\.ko\.xz" is neither a module's name/],
  ['a file that is no module', 'broken', /^ka: --drivers broken: broken\.ko is no kernel module$/],
])(
  '%s',
  async (_, list, line) => {
    await writeFile(at('words'), 'e1000\nr8169.ko.xz\n');
    await writeFile(at('broken'), 'broken.ko\n');
    await writeFile(at('broken.ko'), 'not a module');
    const refused = await build(['--drivers', at(list)]);
    expect(refused.lines).toEqual([expect.stringMatching(line)]);
    expect(refused.code).toBe(64);
  },
  60_000,
);

test('a place that stage2 does not have', async () => {
  await writeFile(at('tool'), '');
  for (const place of ['/opt/tool', '/usr/../opt/tool', '/usr/local/bin/']) {
    const { code, lines } = await build(['--add', `${at('tool')}:${place}`]);
    expect([code, lines]).toEqual([
      64,
      [expect.stringMatching(/^ka: --add tool:\S+: .*(is not in|is a dir)/)],
    ]);
  }
}, 60_000);

test('tools that are missing, each with its package, exit 1', async () => {
  const bin = at('bin');
  await mkdir(bin);
  for (const tool of ['apt-cache', 'apt-config', 'chroot', 'ldd', 'depmod', 'modinfo', 'cpio']) {
    const { stdout } = await run('which', [tool]);
    await symlink(stdout.trim(), join(bin, tool));
  }
  expect(await build([], { path: bin })).toMatchObject({
    code: 1,
    lines: [
      'ka: mmdebstrap is not installed; install mmdebstrap',
      'ka: mksquashfs is not installed; install squashfs-tools',
      'ka: zstd is not installed; install zstd',
      'ka: strip is not installed; install binutils',
    ],
  });
}, 60_000);

test('who is not root is told so', async () => {
  await chmod(dir.path, 0o777);
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const refused = await build([], { as: nobody });
  expect(refused).toMatchObject({
    code: 1,
    lines: ['ka: boot images are built by root; use sudo'],
  });
  expect(existsSync(at('state'))).toBe(false);
  expect(process.getuid?.()).toBe(0);
}, 60_000);
