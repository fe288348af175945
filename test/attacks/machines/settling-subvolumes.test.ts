/** A client that leaves out --one-file-system must not get what the plan says is not copied. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { run } from '../../../system/run.ts';
import { GoldenBench, MIB, section } from '../../golden/support/golden-bench.ts';
import { filesInStream, Settling } from '../support/settling.ts';

const btrfs = (...args: string[]) => run('btrfs', ['subvolume', ...args]);

/** `/` is the subvolume @ with `data` nested in it, and a snapshot of `data` that still has a file. */
const makeGolden = async (bench: GoldenBench): Promise<void> => {
  const device = `${await bench.disk(300 * MIB, 'label: gpt\nsize=256M\n')}p1`;
  await run('mkfs.btrfs', ['-q', '-f', device]);
  await bench.mount(device, '/');
  await btrfs('create', join(bench.root, '@'));
  await bench.unmount();
  await bench.mount(device, '/', '-o', 'subvol=@');
  await bench.write('etc/hostname', 'golden\n');
  await btrfs('create', join(bench.root, 'data'));
  await bench.write('data/plan', 'for all');
  await bench.write('data/payroll', 'S3CRET');
  await mkdir(join(bench.root, '.snapshots/[1]'), { recursive: true });
  await bench.write('.snapshots/[1]/info', 'for all');
  await btrfs(
    'snapshot',
    '-r',
    join(bench.root, 'data'),
    join(bench.root, '.snapshots/[1]/snap*shot'),
  );
  await rm(join(bench.root, 'data/payroll'));
};

test('snapshots are in no stream and in no settling, subvolumes in their own only', async () => {
  await using bench = await GoldenBench.create();
  await makeGolden(bench);
  const blueprint = await bench.plan();
  expect(section(blueprint, 'Not copied:')).toContain(
    '/.snapshots/[1]/snap*shot: a btrfs snapshot',
  );
  const rest = ['.snapshots/[1]/info', 'etc/hostname'];
  expect(await filesInStream(blueprint, '/')).toEqual(rest.map((name) => `./${name}`));
  await using settling = await Settling.of(blueprint);
  expect(await settling.fetch('/', '-a')).toEqual({ files: rest, text: '' });
  expect(await settling.fetch('/data', '-a')).toEqual({ files: ['plan'], text: '' });
  expect(settling.events).toEqual([]);
});

test('one that is made after the plan was', async () => {
  await using bench = await GoldenBench.create();
  await makeGolden(bench);
  const blueprint = await bench.plan();
  await btrfs('create', join(bench.root, 'etc/late'));
  await bench.write('etc/late/file', 'S3CRET');
  await bench.write('etc/later', 'for all');
  await using settling = await Settling.of(blueprint);
  const { files } = await settling.fetch('/', '-a');
  expect(files).toEqual(['.snapshots/[1]/info', 'etc/hostname', 'etc/later']);
});

test.each([
  ['bytes that are no UTF-8', `'\\377'`],
  ['a line end', `'a\\nb'`],
])('with %s in the name of a subvolume nothing is planned', async (_what, name) => {
  await using bench = await GoldenBench.create();
  await makeGolden(bench);
  await run('sh', ['-c', `btrfs subvolume create "$0/$(printf ${name})"`, bench.root]);
  expect(await bench.refusal()).toMatch(/^SubvolumesUnreadable: /);
});

test('a name that says a path of its own is that name', async () => {
  await using bench = await GoldenBench.create();
  await makeGolden(bench);
  const name = 'x parent_uuid -   uuid y   path z';
  await btrfs('snapshot', join(bench.root, 'data'), join(bench.root, name));
  const blueprint = await bench.plan();
  expect(section(blueprint, 'Not copied:')).toContain(`/${name}: a btrfs snapshot`);
});
