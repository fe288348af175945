import { execFile } from 'node:child_process';
import {
  chown,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { compareTrees, readTree, type Tree } from '../../demo/compare.ts';
import type { ClonePlan, StreamPlan } from '../../desc/clone-plan.ts';
import type { FilesystemType } from '../../desc/model.ts';
import { openSink } from '../../stage2/receive.ts';
import { runSteps } from '../../stage2/runner.ts';
import { settleStep } from '../../stage2/settle.ts';
import { prepareSteps } from '../../stage2/steps.ts';
import { openSource } from '../../streams/source.ts';
import { run } from '../../system/run.ts';
import { openBridge } from './rsync-bridge.ts';
import {
  type Bench,
  clonePlan,
  copyStream,
  MIB,
  makeBench,
  partition,
  planFor,
  pourChunks,
} from './support.ts';
import { makeSocket, makeTortureTree } from './torture-tree.ts';

const ROOT_STREAM: StreamPlan = {
  name: 'files /',
  kind: 'files',
  disk: 'sda',
  partition: 1,
  mount: '/',
};

/** A node with one mounted, empty file system of `sizeMib`. */
const prepared = async (
  bench: Bench,
  type: FilesystemType,
  sizeMib: number,
  more: Partial<ClonePlan> = {},
): Promise<ClonePlan> => {
  const { device } = await bench.disk((sizeMib + 4) * MIB);
  const plan = clonePlan(
    [
      await planFor(device, 'msdos', [
        partition(1, sizeMib, {
          filesystem: { type, options: [] },
          mount: '/',
          content: 'files',
        }),
      ]),
    ],
    { streams: [ROOT_STREAM], ...more },
  );
  await runSteps(prepareSteps, bench.context(plan), () => undefined);
  return plan;
};

/** xfs shows ACLs under names of its own as well; see `XFS_ACLS`. */
const withoutXfsNames = (tree: Tree): Tree =>
  new Map(
    [...tree].map(([path, entry]) => [
      path,
      { ...entry, attributes: entry.attributes.replace(/ ?trusted\.SGI_ACL_\w+=\w+/g, '') },
    ]),
  );

const isLostAndFound = (path: string): boolean => path === 'lost+found';

describe('files arrive exactly as they are', () => {
  for (const [type, encoding, sizeMib] of [
    ['ext4', 'zstd', 100],
    ['xfs', 'identity', 320],
    ['btrfs', 'zstd', 300],
  ] as const) {
    test(`on ${type}, ${encoding}: names, links, holes, owners, ACLs, attributes, capabilities, devices`, async () => {
      await using bench = await makeBench();
      const golden = join(bench.directory, 'golden');
      await makeTortureTree(golden);
      const plan = await prepared(bench, type, sizeMib);
      const source = {
        kind: 'files',
        mount: '/',
        path: golden,
        exclude: [],
        mounts: ['/'],
        encoding,
      } as const;
      const sourceBytes = await copyStream(source, ROOT_STREAM, bench.context(plan));
      const comparison = compareTrees(
        await readTree(golden),
        withoutXfsNames(await readTree(bench.target)),
        isLostAndFound,
      );
      expect(comparison.differences).toEqual([]);
      expect(comparison.entries).toBeGreaterThan(45);
      expect(sourceBytes).toBeGreaterThan(10_240);
    });
  }

  test('excluded directories come empty, literally named and anchored; other file systems of the node too', async () => {
    await using bench = await makeBench();
    const golden = join(bench.directory, 'golden');
    await makeTortureTree(golden);
    await mkdir(join(golden, 'sub/cache'), { recursive: true });
    await writeFile(join(golden, 'sub/cache/kept'), '');
    const exclude = ['/cache', '/cache [1]*'];
    const plan = await prepared(bench, 'ext4', 100, { exclude });
    await copyStream(
      {
        kind: 'files',
        mount: '/',
        path: golden,
        exclude,
        mounts: ['/', '/names'],
        encoding: 'identity',
      },
      ROOT_STREAM,
      bench.context(plan),
    );
    const paths = [...(await readTree(bench.target)).keys()];
    expect(paths.filter((path) => path.startsWith('cache')).sort()).toEqual([
      'cache',
      'cache [1]*',
      'cache1',
      'cache1/stays',
    ]);
    expect(paths).toContain('sub/cache/kept');
    expect(paths.filter((path) => path.startsWith('names'))).toEqual(['names']);
  });
});

describe('settling', () => {
  test('brings what changed, appeared, moved and vanished since, and sockets, but no excluded contents', async () => {
    await using bench = await makeBench();
    const golden = join(bench.directory, 'golden');
    await makeTortureTree(golden);
    const exclude = ['/cache', '/cache [1]*'];
    const plan = await prepared(bench, 'ext4', 100, { exclude });
    await copyStream(
      { kind: 'files', mount: '/', path: golden, exclude, mounts: ['/'], encoding: 'identity' },
      ROOT_STREAM,
      bench.context(plan),
    );
    await writeFile(join(golden, 'old'), 'L');
    await utimes(join(golden, 'old'), 5, 5.6);
    await rename(join(golden, 'names/-rf'), join(golden, 'moved'));
    await unlink(join(golden, 'fifo'));
    await link(join(golden, 'one'), join(golden, 'four'));
    await run('setcap', ['cap_chown=ep', join(golden, 'capable')]);
    await run('setfacl', ['--modify=u:12:r', join(golden, 'owned')]);
    await makeSocket(join(golden, 'socket'));
    await rm(join(golden, 'cache/sub'), { recursive: true });
    await writeFile(join(bench.target, 'cache/made on the node'), '');

    await using bridge = await openBridge(bench.directory, { '/': golden });
    const outcome = await settleStep.run(bench.context(plan, bridge));
    expect(outcome.state).toBe('finish');
    expect(outcome.detail).toMatch(
      /^\/ [1-9]\d* files changed, [1-9]\d* created, [1-9]\d* deleted$/,
    );

    const [goldenTree, nodeTree] = [await readTree(golden), await readTree(bench.target)];
    const isExcluded = (path: string): boolean => /^cache( \[1\]\*)?\//.test(path);
    const comparison = compareTrees(
      goldenTree,
      nodeTree,
      (path) => isLostAndFound(path) || isExcluded(path),
    );
    expect(comparison.differences).toEqual([]);
    expect(nodeTree.get('socket.kept')?.kind).toBe(goldenTree.get('socket.kept')?.kind);
    expect([...nodeTree.keys()].filter(isExcluded)).toEqual(['cache/made on the node']);
    expect(nodeTree.has('lost+found')).toBe(true);
  });

  test('what goes on fat is compared by content, without owners and modes', async () => {
    await using bench = await makeBench();
    const golden = join(bench.directory, 'golden');
    await mkdir(golden);
    const plan = await prepared(bench, 'ext4', 20);
    // Kernels may lack fat; what is asked of rsync is the same.
    for (const { filesystem } of plan.disks.flatMap(({ partitions }) => partitions)) {
      if (filesystem) filesystem.type = 'vfat';
    }
    for (const [directory, text] of [
      [golden, 'new'],
      [bench.target, 'old'],
    ] as const) {
      await writeFile(join(directory, 'grub.cfg'), text);
      await utimes(join(directory, 'grub.cfg'), 1000, 1000);
    }
    await writeFile(join(golden, 'shimx64.efi'), 'shim', { mode: 0o600 });
    await chown(join(golden, 'shimx64.efi'), 1234, 1234);
    await writeFile(join(bench.target, 'gone.efi'), '');
    await using bridge = await openBridge(bench.directory, { '/': golden });
    await settleStep.run(bench.context(plan, bridge));
    expect(await readFile(join(bench.target, 'grub.cfg'), 'utf8')).toBe('new');
    expect(await stat(join(bench.target, 'shimx64.efi'))).toMatchObject({ uid: 0, gid: 0 });
    expect(await readdir(bench.target)).not.toContain('gone.efi');
  });

  test('a wrong password, a strange user and writing are refused', async () => {
    await using bench = await makeBench();
    const golden = join(bench.directory, 'golden');
    await mkdir(golden);
    await writeFile(join(golden, 'file'), 'x');
    const plan = await prepared(bench, 'ext4', 20);
    await using bridge = await openBridge(bench.directory, { '/': golden });
    const wrong = { ...bridge, password: 'wrong' };
    await expect(settleStep.run(bench.context(plan, wrong))).rejects.toMatchObject({
      code: 'CommandFailed',
      output: expect.stringContaining('auth failed'),
    });
    const env = { RSYNC_PASSWORD: 'right' };
    const other = bridge.url('/').replace('node1', 'node2');
    await expect(run('rsync', ['-a', `${other}/`, bench.target], { env })).rejects.toThrow();
    await expect(
      run('rsync', ['-a', '/etc/hostname', `${bridge.url('/')}/`], { env }),
    ).rejects.toThrow();
    const listing = await promisify(execFile)('rsync', [`rsync://127.0.0.1:${bridge.port}/`]);
    expect(listing.stdout.trim()).toBe('');
  });
});

describe('failures are loud and named', () => {
  test('a full target', async () => {
    await using bench = await makeBench();
    const golden = join(bench.directory, 'golden');
    await mkdir(golden);
    await run('dd', ['if=/dev/urandom', `of=${join(golden, 'big')}`, 'bs=1M', 'count=40']);
    const plan = await prepared(bench, 'ext4', 20);
    const copying = copyStream(
      { kind: 'files', mount: '/', path: golden, exclude: [], mounts: ['/'], encoding: 'zstd' },
      ROOT_STREAM,
      bench.context(plan),
    );
    await expect(copying).rejects.toMatchObject({
      code: 'TargetFull',
      message: expect.stringMatching(
        /^\/ \(\/dev\/loop\d+p1\) is full: .*big.*(No space left on device|Wrote only)/,
      ),
    });
  });

  test('tar killed on the node', async () => {
    await using bench = await makeBench();
    const plan = await prepared(bench, 'ext4', 20);
    const context = bench.context(plan);
    const sink = openSink(ROOT_STREAM, { kind: 'files', encoding: 'identity' }, context);
    const failure = sink.failed.catch((error) => error);
    const { stdout } = await run('pgrep', ['--full', `tar --extract .*${bench.target}`]);
    process.kill(Number(stdout.trim().split('\n')[0]), 'SIGKILL');
    expect(await failure).toMatchObject({
      code: 'SinkFailed',
      message: expect.stringContaining('tar was killed by SIGKILL'),
    });
    await expect(sink.write([Buffer.alloc(512)])).rejects.toMatchObject({ code: 'SinkFailed' });
    await expect(sink.end()).rejects.toMatchObject({ code: 'SinkFailed' });
  });

  test('a stream that breaks off, plain and compressed, and one that is no archive', async () => {
    await using bench = await makeBench();
    const golden = join(bench.directory, 'golden');
    await mkdir(golden);
    await run('dd', ['if=/dev/urandom', `of=${join(golden, 'big')}`, 'bs=1M', 'count=4']);
    const plan = await prepared(bench, 'ext4', 20);
    for (const encoding of ['identity', 'zstd'] as const) {
      const context = bench.context(plan);
      const source = openSource(
        { kind: 'files', mount: '/', path: golden, exclude: [], mounts: ['/'], encoding, level: 1 },
        context,
      );
      const sink = openSink(ROOT_STREAM, { kind: 'files', encoding }, context);
      let bytes = 0;
      const poured = pourChunks(source, async (chunk) => {
        if (bytes > MIB) throw new Error('enough');
        await sink.write([chunk]);
        bytes += chunk.length;
      });
      await expect(poured).rejects.toThrow('enough');
      await expect(sink.end()).rejects.toMatchObject({ code: 'SinkFailed' });
    }
    const sink = openSink(ROOT_STREAM, { kind: 'files', encoding: 'zstd' }, bench.context(plan));
    await sink.write([Buffer.alloc(MIB, 'x')]).catch(() => undefined);
    await expect(sink.end()).rejects.toMatchObject({ code: 'SinkFailed' });
  });

  test('an aborted sink leaves no process behind', async () => {
    await using bench = await makeBench();
    const plan = await prepared(bench, 'ext4', 20);
    const sink = openSink(ROOT_STREAM, { kind: 'files', encoding: 'zstd' }, bench.context(plan));
    await sink.abort('the golden stopped');
    await expect(sink.write([Buffer.alloc(1)])).rejects.toMatchObject({ code: 'Aborted' });
    const left = await run('pgrep', ['--full', `tar --extract .*${bench.target}`], {
      okExitCodes: [1],
    });
    expect(left.stdout).toBe('');
  });

  test('a golden that cannot be read', async () => {
    await using bench = await makeBench();
    const context = bench.context(clonePlan([]));
    const open = (path: string, kind: 'files' | 'raw') =>
      openSource(
        { kind, mount: '/', path, exclude: [], mounts: [], encoding: 'zstd', level: 1 },
        context,
      );
    for (const source of [open('/no/such/place', 'files'), open('/dev/no-such-disk', 'raw')]) {
      await expect(pourChunks(source, () => Promise.resolve())).rejects.toMatchObject({
        code: 'SourceFailed',
        message: expect.stringMatching(/no.such.*No such file or directory/),
      });
    }
  });

  test('files that vanish and grow while being read are no failure', async () => {
    await using bench = await makeBench();
    const golden = join(bench.directory, 'golden');
    await mkdir(golden);
    for (let index = 0; index < 2000; index += 1) await writeFile(join(golden, `${index}`), 'x');
    await run('truncate', ['--size=300M', join(golden, '0')]);
    const context = bench.context(clonePlan([]));
    const source = openSource(
      {
        kind: 'files',
        mount: '/',
        path: golden,
        exclude: [],
        mounts: [],
        encoding: 'identity',
        level: 1,
      },
      context,
    );
    let isFirst = true;
    await pourChunks(source, async () => {
      if (isFirst) for (let index = 1; index < 2000; index += 1) await rm(join(golden, `${index}`));
      isFirst = false;
    });
    expect(bench.log.join('\n')).toMatch(/removed before we read it/);
    expect(bench.log.join('\n')).toContain('settle brings them');
  });
});

describe('raw copies', () => {
  const rawPlan = async (
    bench: Bench,
  ): Promise<{ plan: ClonePlan; stream: StreamPlan; device: string }> => {
    const { device } = await bench.disk(24 * MIB);
    const plan = clonePlan([
      await planFor(device, 'msdos', [partition(1, 16, { content: 'raw' })]),
    ]);
    await runSteps(prepareSteps, bench.context(plan), () => undefined);
    return { plan, device, stream: { name: 'raw sda1', kind: 'raw', disk: 'sda', partition: 1 } };
  };

  for (const encoding of ['identity', 'zstd'] as const) {
    test(`${encoding}: every byte; too short and too long are refused`, async () => {
      await using bench = await makeBench();
      const { plan, stream, device } = await rawPlan(bench);
      const context = bench.context(plan);
      const image = join(bench.directory, 'partition');
      await run('dd', ['if=/dev/urandom', `of=${image}`, 'bs=1M', 'count=16']);
      const source = { kind: 'raw', path: image, exclude: [], mounts: [], encoding } as const;
      expect(await copyStream(source, stream, context)).toBe(16 * MIB);
      await run('cmp', [image, `${device}p1`]);

      await run('truncate', ['--size=15M', image]);
      await expect(copyStream(source, stream, context)).rejects.toMatchObject({
        code: 'WrongLength',
        message: expect.stringContaining(`only ${15 * MIB}`),
      });
      await run('truncate', ['--size=17M', image]);
      await expect(copyStream(source, stream, context)).rejects.toMatchObject({
        code: encoding === 'zstd' ? 'SinkFailed' : 'WrongLength',
      });
    });
  }

  test('a mounted partition is not written to', async () => {
    await using bench = await makeBench();
    const { plan, stream, device } = await rawPlan(bench);
    await run('mkfs.ext2', ['-q', `${device}p1`]);
    await run('mount', [`${device}p1`, bench.target]);
    expect(() =>
      openSink(stream, { kind: 'raw', encoding: 'identity' }, bench.context(plan)),
    ).toThrow(/EBUSY|in use/);
  });
});
