/** What the operator wants left out is left out, whatever it is called. */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { run } from '../../../system/run.ts';
import { GoldenBench, MIB, warningsOf } from '../../golden/support/golden-bench.ts';
import { filesInStream, Settling } from '../support/settling.ts';

const makeGolden = async (bench: GoldenBench): Promise<void> => {
  const device = `${await bench.disk(64 * MIB, 'label: gpt\nsize=40M\n')}p1`;
  await run('mkfs.ext4', ['-q', '-F', device]);
  await bench.mount(device, '/');
  await bench.write('etc/hostname', 'golden\n');
  await bench.write('data/home/u/private', 'S3CRET');
  await bench.write('data/other', 'for all');
};

test.each([
  ['a link', '/home', 'data/home'],
  ['a link from the root of the golden on', '/home', '/data/home'],
  ['a link that climbs past the root', '/home', '../../../../data/./home/'],
  ['a link to what is around it', '/around/home', 'data'],
])('%s: what it leads to is left out', async (_what, exclude, target) => {
  await using bench = await GoldenBench.create();
  await makeGolden(bench);
  await symlink(target, join(bench.root, exclude.split('/')[1] ?? ''));
  const blueprint = await bench.plan({ exclude: [`${exclude}/`] });
  expect(warningsOf(blueprint)).toEqual([]);
  const files = (await filesInStream(blueprint, '/')).filter((name) => name.startsWith('./data'));
  expect(files).toEqual(['./data/other']);
  await using settling = await Settling.of(blueprint);
  expect((await settling.fetch('/', '-a')).files).toEqual(['data/other', 'etc/hostname']);
});

test('what is not there is warned of: missing, a file, a link to itself, a link to nothing', async () => {
  await using bench = await GoldenBench.create();
  await makeGolden(bench);
  await symlink('loop', join(bench.root, 'loop'));
  await symlink('/nothing', join(bench.root, 'link'));
  const missing = ['/no/such/dir', '/data/other', '/etc/hostname/x', '/loop', '/link'];
  const blueprint = await bench.plan({ exclude: [...missing, '/data/home'] });
  expect(warningsOf(blueprint)).toEqual(
    missing.map(
      (directory) =>
        `${directory} is to be left out, but the golden has no such directory; correct it if it is written wrong`,
    ),
  );
});

test('a link to the root, or to a name no plan can say, is refused', async () => {
  await using bench = await GoldenBench.create();
  await makeGolden(bench);
  await symlink('.', join(bench.root, 'self'));
  await mkdir(join(bench.root, 'a\u001bb'));
  await symlink('/a\u001bb', join(bench.root, 'odd'));
  expect(await bench.refusal({ exclude: ['/self'] })).toBe(
    'BadExclude: /self, which is to be left out, is a link to "/"; name what is meant, by a plain path like /var/cache',
  );
  expect(await bench.refusal({ exclude: ['/odd'] })).toMatch(
    /^BadExclude: .* a link to "\/a\\u001bb"/,
  );
});
