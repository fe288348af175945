/** What a member can get of the golden by rsync: what it is cloned with, and nothing else. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Blueprint, makeBlueprint } from '../../../golden/blueprint.ts';
import { SettleService } from '../../../golden/settle-service.ts';
import type { NewEvent } from '../../../protocol/events.ts';
import { settleConfig } from '../../../streams/settle-server.ts';
import { run } from '../../../system/run.ts';
import { listenOn } from '../../../system/tcp-server.ts';
import { eventually } from '../../support/eventually.ts';

const SECRET = 'S3CRET';

const DESCRIPTION = `disks:
  - name: sda
    table: gpt
    partitions:
      - { size: fill, filesystem: ext4, mount: / }
`;

let place: string;
let root: string;
let blueprint: Blueprint;
let service: SettleService;
let server: Server;
let port: number;
let token: string;
let events: NewEvent[];
let device: string;
const over = new AbortController();

const put = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
};

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'ka test [*] '));
  root = join(place, 'root');
  await put(join(root, 'etc/hostname'), 'golden\n');
  await put(join(root, 'home/file'), 'for all\n');
  // The state directory lies behind a link, and is seen a second time by a bind mount.
  await put(join(root, 'srv/[k]a\nstate/keys/golden.key'), SECRET);
  await put(join(root, 'srv/[k]a\nstate/keys/operator.key'), `${SECRET}\n`);
  await mkdir(join(root, 'var/lib'), { recursive: true });
  await symlink('../../srv/[k]a\nstate', join(root, 'var/lib/ka'));
  process.env.KA_STATE_DIR = join(root, 'var/lib/ka');
  await mkdir(join(root, 'srv/again'));
  await run('mount', ['--bind', join(root, 'srv'), join(root, 'srv/again')]);
  // What -x leaves out, behind a link, too.
  await put(join(root, 'scratch/deep/er/file'), SECRET);
  await symlink('scratch', join(root, 'to-scratch'));
  // Another file system, with something of its own and something below it.
  await put(join(root, 'mnt/other/below'), SECRET);
  await run('mount', ['-t', 'tmpfs', 'tmpfs', join(root, 'mnt/other')]);
  await put(join(root, 'mnt/other/file'), SECRET);
  await symlink('mnt/other', join(root, 'to-other'));
  // Outside of the tree.
  await put(join(place, 'outside/file'), SECRET);
  await symlink(join(place, 'outside'), join(root, 'out'));
  await symlink('../outside', join(root, 'out-by-steps'));
  // A device with something on it.
  await put(join(place, 'disk'), SECRET.padEnd(1024 * 1024, '.'));
  device = (await run('losetup', ['--find', '--show', join(place, 'disk')])).stdout.trim();
  await run('cp', ['--archive', device, join(root, 'device')]);
  await put(join(root, 'list'), 'scratch/deep/er/file\n');
  const description = join(place, 'desc.yaml');
  await writeFile(description, DESCRIPTION);
  blueprint = await makeBlueprint(
    {
      root,
      descriptions: [['sda', description]],
      exclude: ['/scratch'],
      skipDevices: undefined,
      rawPartitions: [],
      bootCodeOf: [],
      bootCodeFiles: [],
      bootloader: undefined,
      network: 'open',
      mayCompress: false,
    },
    over.signal,
  );
  events = [];
  service = new SettleService(blueprint.settleTrees, (event) => events.push(event));
  server = createServer((socket) => service.serve(socket, token, 1, over.signal));
  port = await listenOn(server, 0, '127.0.0.1', '');
});

afterAll(async () => {
  over.abort();
  server.close();
  for (const name of ['mnt/other', 'srv/again']) await run('umount', [join(root, name)]);
  await run('losetup', ['--detach', device]);
  await rm(place, { recursive: true });
  delete process.env.KA_STATE_DIR;
  // Nothing of the service stays.
  await eventually('its files are gone', async () => {
    const { stdout } = await run('grep', ['-rlsF', place, '/run/ka'], { okExitCodes: [0, 1, 2] });
    return stdout === '';
  });
});

/** A client with arguments of its own choice; all it gets, file by file, and all that is said. */
const rsync = async (...args: string[]): Promise<{ files: string[]; text: string }> => {
  const access = service.admit(1);
  if (!access) throw new Error('nothing to settle');
  token = access.token;
  const to = await mkdtemp(join(place, 'got-'));
  const url = `rsync://${access.user}@127.0.0.1:${port}/${access.modules['/']}`;
  const words = args.map((arg) => (arg.startsWith('/') ? `${url}${arg}` : arg));
  const { stdout, stderr } = await run('rsync', [...words, `${to}/`], {
    env: { RSYNC_PASSWORD: access.secret },
    timeoutMs: 20_000,
    okExitCodes: Array.from({ length: 100 }, (_, code) => code),
  });
  // Not by readdir: it goes into what links lead to.
  const list = await run('find', [to, '-mindepth', '1', '-printf', '%P\\0']);
  const files = list.stdout.split('\0').slice(0, -1).sort();
  const found = await run('grep', ['-r', '-l', SECRET, to], { okExitCodes: [0, 1] });
  await rm(to, { recursive: true });
  return { files, text: stdout + stderr + found.stdout };
};

test('an honest client gets what is cloned, the names of what is left out, and no more', async () => {
  const { files, text } = await rsync('-a', '/');
  expect(text).toBe('');
  expect(files).toEqual(
    [
      ...['etc', 'etc/hostname', 'home', 'home/file', 'list', 'mnt', 'mnt/other', 'out', 'device'],
      ...['out-by-steps', 'scratch', 'srv', 'srv/[k]a\nstate', 'srv/again'],
      ...['to-other', 'to-scratch', 'var', 'var/lib', 'var/lib/ka'],
    ].sort(),
  );
  expect(events).toEqual([]);
});

describe('a client with arguments of its own', () => {
  test.each([
    ['a directory that is left out', '-a', '/scratch/'],
    ['one deep in it', '-a', '/scratch/deep/er/'],
    ['a file deep in it', '-a', '/scratch/deep/er/file'],
    ['the state directory', '-a', '/srv/[k]a\nstate/'],
    ['a key', '-a', '/srv/[k]a\nstate/keys/golden.key'],
    ['a key by a pattern', '-a', '/srv/*/keys/*'],
    ['the state directory by its link', '-a', '/var/lib/ka/'],
    ['a key by that link', '-a', '/var/lib/ka/keys/golden.key'],
    ['the state directory by its other mount', '-a', '/srv/again/[k]a\nstate/'],
    ['a link to what is left out', '-a', '/to-scratch/'],
    ['a file behind such a link', '-a', '/to-scratch/deep/er/file'],
    ['another file system', '-a', '/mnt/other/'],
    ['another file system by a link', '-a', '/to-other/'],
    ['what is outside', '-a', '/out/'],
    ['what is outside, step by step', '-a', '/out-by-steps/'],
    ['what is outside, by dots', '-a', '/../outside/'],
    ['a rule that includes', '-a', '--include=/scratch/***', '/'],
    ['rules out of a key', '-a', '--filter=: /srv/[k]a\nstate/keys/operator.key', '/'],
    ['rules out of a file that is left out', '-a', '--filter=: /scratch/deep/er/file', '/'],
    ['rules out of a key by its link', '-a', '--filter=: /var/lib/ka/keys/operator.key', '/'],
    ['a list of what is there', '--list-only', '-r', '/scratch/'],
  ])('gets nothing: %s', async (_what, ...args) => {
    const { text } = await rsync(...args);
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain('got-');
    expect(await readFile(join(root, 'home/file'), 'utf8')).toBe('for all\n');
  });

  test.each([
    ['everything, with links followed', '-a', '-L', '/'],
    ['everything, with unsafe links followed', '-a', '--copy-unsafe-links', '/'],
    ['everything, with links of directories followed', '-a', '-k', '/'],
    ['everything, with devices read', '-a', '--copy-devices', '/'],
    ['names from a file', '-a', '--files-from=:/list', '/'],
    ['relative names', '-a', '-R', '/scratch/deep/er/file'],
    ['moving instead of copying', '-a', '--remove-source-files', '/home/file'],
  ])('is refused: %s', async (_what, ...args) => {
    const { files, text } = await rsync(...args);
    expect(text).toContain('rsync error');
    expect(files).toEqual([]);
  });

  test('cannot write', async () => {
    const access = service.admit(1);
    if (!access) throw new Error('nothing to settle');
    token = access.token;
    const url = `rsync://${access.user}@127.0.0.1:${port}/${access.modules['/']}/home/`;
    const options = { env: { RSYNC_PASSWORD: access.secret } };
    await expect(run('rsync', ['-a', join(root, 'list'), url], options)).rejects.toThrow();
    expect(await readdir(join(root, 'home'))).toEqual(['file']);
  });
});

test('no stream has the state directory, wherever it is seen', async () => {
  const [source] = blueprint.sources;
  const chunks: Buffer[] = [];
  const space = Buffer.alloc(1024 * 1024);
  await source?.open({ encoding: 'identity', signal: over.signal, log: () => undefined }).pour({
    space: () => space,
    filled: (bytes) => {
      chunks.push(Buffer.from(space.subarray(0, bytes)));
      return null;
    },
  });
  const archive = join(place, 'stream.tar');
  await writeFile(archive, Buffer.concat(chunks));
  const { stdout } = await run('tar', ['--list', '--file', archive]);
  const names = stdout.split('\n');
  expect(names).toContain('./srv/[k]a\\nstate/');
  expect(names).toContain('./home/file');
  expect(names.filter((name) => /golden\.key|deep|other\/./.test(name))).toEqual([]);
});

test('a node that opens many channels has two, and others are served meanwhile', async () => {
  const own = service.admit(7);
  const other = service.admit(8);
  const channels: Duplex[] = [];
  const open = (by: string, node: number): Duplex => {
    // Never says anything, as a member that means to hold a place.
    const channel = new Duplex({ read: () => undefined, write: (_a, _b, done) => done() });
    channels.push(channel);
    service.serve(channel, by, node, over.signal);
    return channel;
  };
  for (let time = 0; time < 20; time += 1) open(own?.token ?? '', 7);
  await sleep(200);
  expect(channels.filter(({ destroyed }) => !destroyed)).toHaveLength(2);
  const { files } = await rsync('-a', '/home/');
  expect(files).toEqual(['file']);
  const last = open(other?.token ?? '', 8);
  service.dismiss(7);
  service.dismiss(8);
  await eventually('all are ended', () => channels.every(({ destroyed }) => destroyed));
  expect(last.destroyed).toBe(true);
});

test('a bad token, and a channel that fails, end that channel only', async () => {
  const before = events.length;
  for (let time = 0; time < 20; time += 1) {
    const channel = new Duplex({ read: () => undefined, write: (_a, _b, done) => done() });
    service.serve(channel, 'guess', 1, over.signal);
    channel.destroy(new Error('as a broken frame does'));
  }
  const access = service.admit(1);
  const broken = new Duplex({ read: () => undefined, write: (_a, _b, done) => done() });
  service.serve(broken, access?.token ?? '', 1, over.signal);
  broken.destroy(new Error('as a broken frame does'));
  await sleep(100);
  expect((await rsync('-a', '/home/')).files).toEqual(['file']);
  // Said once, not twenty times.
  const said = events.slice(before).filter(({ kind }) => kind === 'log');
  expect(said.length).toBeLessThan(3);
});

test.each([
  ['a path that is more than a path', { path: '/x\nuid = 0', name: 'mount-2f' }],
  ['a path with a variable', { path: '/%HOME%', name: 'mount-2f' }],
  ['a name that ends its section', { path: '/x', name: 'mount-2f]\n[other' }],
])('no configuration is made of %s', (_what, module) => {
  const modules = [{ ...module, hiddenFile: '/run/ka/hidden' }];
  const server = { modules, user: 'node1', secretsFile: '/run/ka/secrets' };
  expect(() => settleConfig(server)).toThrow();
  expect(() => settleConfig({ ...server, modules: [], user: 'a b' })).toThrow();
});
