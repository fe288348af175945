import {
  copyFile,
  mkdir,
  readdir,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { HomeServer } from '../../golden/home-server.ts';
import { arrangePhoneHome } from '../../stage2/phone-home.ts';
import { run } from '../../system/run.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const SCRIPT = '/usr/local/lib/ka/phone-home';

/** What every system has, and the script needs besides its caller. */
const BASICS: Record<string, string> = {
  sh: '/usr/bin/dash',
  rm: '/usr/bin/rm',
  rmdir: '/usr/bin/rmdir',
  sleep: '/usr/bin/sleep',
};

const isTool = { run: () => Promise.reject(new Error('nothing to run here')), efivars: null };

/** The root of a system that has these programs: name → where this machine has it. */
const makeRoot = async (root: string, programs: Record<string, string>): Promise<void> => {
  for (const directory of [
    ...['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'usr/share', 'usr/local/lib'],
    ...['proc', 'dev', 'etc/systemd/system/multi-user.target.wants'],
  ]) {
    await mkdir(join(root, directory), { recursive: true });
  }
  for (const name of ['bin', 'sbin', 'lib', 'lib64'])
    await symlink(`usr/${name}`, join(root, name));
  for (const [name, file] of Object.entries({ ...BASICS, ...programs })) {
    await copyFile(await realpath(file), join(root, 'usr/bin', name));
  }
};

const withSystemd = (root: string): Promise<void> =>
  symlink('/lib/systemd/systemd', join(root, 'usr/sbin/init'));

/** Runs a command in the root with this machine's libraries; its mounts end with it. */
const runIn = (root: string, command: string): Promise<unknown> => {
  const shown = ['usr/lib', 'usr/lib64', 'usr/share', 'proc', 'dev'];
  const mounts = shown.map((path) => `mount --rbind /${path} ${join(root, path)}`);
  const inRoot = `exec chroot ${root} /bin/sh -c '${command}'`;
  return run('unshare', ['--mount', 'sh', '-e', '-c', [...mounts, inRoot].join('\n')], {
    timeoutMs: 45_000,
  });
};

const filesIn = async (root: string): Promise<string[]> =>
  (await readdir(root, { recursive: true })).sort();

interface Golden extends AsyncDisposable {
  port: number;
  heard: string[];
}

const startGolden = async (token = TOKEN, port = 0): Promise<Golden> => {
  const stop = new AbortController();
  const heard: string[] = [];
  const server = await HomeServer.start({
    host: '127.0.0.1',
    port,
    signal: stop.signal,
    say: () => undefined,
    onHome: (said, text) => {
      heard.push(text);
      return said === token;
    },
  });
  return { port: server.port, heard, [Symbol.asyncDispose]: async () => stop.abort() };
};

describe('a clone with systemd', () => {
  for (const [program, file, more] of [
    ['bash', '/usr/bin/bash'],
    ['python3', '/usr/bin/python3'],
    ['perl', '/usr/bin/perl'],
    ['nc', '/bin/nc'],
    ['nc', '/usr/bin/busybox', "busybox's "],
    ['curl', '/usr/bin/curl'],
  ] as const) {
    test(`calls home with ${more ?? ''}${program} and nothing of it stays`, async () => {
      await using temp = await makeTempDir();
      await using golden = await startGolden();
      await makeRoot(temp.path, { [program]: file });
      await withSystemd(temp.path);
      const before = await filesIn(temp.path);
      const home = { host: '127.0.0.1', port: golden.port, token: TOKEN };
      expect(await arrangePhoneHome(temp.path, home, isTool)).toEqual({
        state: 'finish',
        detail: `at its first boot (systemd, ${program})`,
      });
      const unit = join(temp.path, 'etc/systemd/system/ka-phone-home.service');
      const link = join(dirname(unit), 'multi-user.target.wants/ka-phone-home.service');
      expect(await readlink(link)).toBe('/etc/systemd/system/ka-phone-home.service');
      await run('systemd-analyze', ['verify', '--man=no', unit]);
      await runIn(temp.path, `/bin/sh ${SCRIPT}`);
      expect(golden.heard).toEqual([expect.stringMatching(/^\S+ [0-9a-f-]{36}$/)]);
      expect(await filesIn(temp.path)).toEqual(before);
    });
  }

  test('waits for a golden that cannot be reached yet', async () => {
    await using temp = await makeTempDir();
    const first = await startGolden();
    const { port } = first;
    await first[Symbol.asyncDispose]();
    await makeRoot(temp.path, { bash: '/usr/bin/bash' });
    await withSystemd(temp.path);
    await arrangePhoneHome(temp.path, { host: '127.0.0.1', port, token: TOKEN }, isTool);
    const calling = runIn(temp.path, `/bin/sh ${SCRIPT}`);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await using golden = await startGolden(TOKEN, port);
    await calling;
    expect(golden.heard).toHaveLength(1);
  });

  test('that the golden does not know calls once only', async () => {
    await using temp = await makeTempDir();
    await using golden = await startGolden('f'.repeat(32));
    await makeRoot(temp.path, { bash: '/usr/bin/bash' });
    await withSystemd(temp.path);
    const home = { host: '127.0.0.1', port: golden.port, token: TOKEN };
    await arrangePhoneHome(temp.path, home, isTool);
    await runIn(temp.path, `/bin/sh ${SCRIPT}`);
    expect(golden.heard).toHaveLength(1);
    expect(await filesIn(temp.path)).not.toContain(SCRIPT.slice(1));
  });

  test('carries nothing of an earlier cloning on', async () => {
    await using temp = await makeTempDir();
    await makeRoot(temp.path, { bash: '/usr/bin/bash' });
    await withSystemd(temp.path);
    await mkdir(join(temp.path, 'etc/rc2.d'));
    const before = await filesIn(temp.path);
    const home = { host: '10.75.0.1', port: 30766, token: TOKEN };
    await arrangePhoneHome(temp.path, home, isTool);
    // As Debian's update-rc.d numbers it.
    await symlink('../init.d/ka-phone-home', join(temp.path, 'etc/rc2.d/S01ka-phone-home'));
    expect(await arrangePhoneHome(temp.path, null, isTool)).toMatchObject({ state: 'finish' });
    await rm(join(temp.path, 'usr/local/lib/ka'), { recursive: true });
    expect(await filesIn(temp.path)).toEqual(before);
  });
});

test('a clone with sysvinit calls home from its init script', async () => {
  await using temp = await makeTempDir();
  await using golden = await startGolden();
  await makeRoot(temp.path, { perl: '/usr/bin/perl' });
  await writeFile(join(temp.path, 'usr/sbin/init'), '');
  for (const name of ['init.d', 'rc2.d', 'rc3.d']) await mkdir(join(temp.path, 'etc', name));
  const before = await filesIn(temp.path);
  const home = { host: '127.0.0.1', port: golden.port, token: TOKEN };
  await arrangePhoneHome(temp.path, home, isTool);
  expect(await readdir(join(temp.path, 'etc/rc3.d'))).toEqual(['S99ka-phone-home']);
  await runIn(
    temp.path,
    '/etc/rc3.d/S99ka-phone-home start; while [ -e /usr/local/lib/ka ]; do sleep 0.2; done',
  );
  expect(golden.heard).toHaveLength(1);
  expect(await filesIn(temp.path)).toEqual(before);
});

test('a clone that cannot call says so', async () => {
  await using temp = await makeTempDir();
  await makeRoot(temp.path, {});
  const before = await filesIn(temp.path);
  const home = { host: '10.75.0.1', port: 30766, token: TOKEN };
  expect(await arrangePhoneHome(temp.path, home, isTool)).toMatchObject({
    state: 'skip',
    detail: expect.stringMatching(/none of bash, nc/),
  });
  expect(await filesIn(temp.path)).toEqual(before);
  await copyFile('/usr/bin/bash', join(temp.path, 'usr/bin/bash'));
  expect(await arrangePhoneHome(temp.path, home, isTool)).toMatchObject({
    state: 'skip',
    detail: expect.stringMatching(/init is not systemd/),
  });
});
