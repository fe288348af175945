import { open } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { MARK_BYTES, MARK_OFFSET } from '../../desc/disk-mark.ts';
import { probeDisk } from '../../desc/probe.ts';
import { markDisk } from '../../stage2/mark-disk.ts';
import { partitionStep } from '../../stage2/partition.ts';
import { runSteps } from '../../stage2/runner.ts';
import { run } from '../../system/run.ts';
import {
  type Bench,
  clonePlan,
  GPT_LINUX,
  MIB,
  makeBench,
  partition,
  planFor,
  sha256,
} from './support.ts';

type Partitions = Parameters<typeof planFor>[2];

const write = async (
  bench: Bench,
  device: string,
  table: 'msdos' | 'gpt',
  partitions: Partitions,
): Promise<void> => {
  const plan = clonePlan([await planFor(device, table, partitions)]);
  await runSteps([partitionStep], bench.context(plan), () => undefined);
};

const isKas = async (device: string): Promise<boolean | undefined> =>
  (await probeDisk(device)).writtenByKa;

const gpt = (...sizes: (number | null)[]): Partitions =>
  sizes.map((size, index) => partition(index + 1, size, { type: GPT_LINUX, role: 'primary' }));

const msdos: Partitions = [
  partition(1, 20),
  partition(2, null, { role: 'extended', type: '05' }),
  partition(5, 20),
];

describe('a disk written by ka is known as such', () => {
  test.each([
    ['msdos', 512, msdos],
    ['gpt', 512, gpt(20, null)],
    ['msdos', 4096, [partition(1, 20), partition(2, null)]],
    ['gpt', 4096, gpt(20, null)],
  ] as const)('%s, sectors of %i bytes', async (table, sectorBytes, partitions) => {
    await using bench = await makeBench();
    const { device } = await bench.disk(100 * MIB, sectorBytes);
    expect(await isKas(device)).toBe(false);
    await write(bench, device, table, [...partitions]);
    expect(await isKas(device)).toBe(true);
    // And again, over its own work.
    await write(bench, device, table, [...partitions]);
    expect(await isKas(device)).toBe(true);
  });

  test('until somebody else partitions it, or adds a partition', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(100 * MIB);
    await write(bench, device, 'gpt', gpt(20, 20));
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', '--append', device], {
      input: 'size=10M\n',
    });
    expect(await isKas(device)).toBe(false);
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', '--delete', device, '3']);
    expect(await isKas(device)).toBe(true);
    // The same layout, but a table of its own.
    const { stdout: dump } = await run('sfdisk', ['--dump', device]);
    const another = dump.replace(/^label-id.*\n/m, '').replaceAll(/, uuid=\S+/g, '');
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', device], { input: another });
    expect(await isKas(device)).toBe(false);
  });

  test('not when the mark came from another disk', async () => {
    await using bench = await makeBench();
    const [one, two] = [await bench.disk(100 * MIB), await bench.disk(100 * MIB)];
    await write(bench, one.device, 'gpt', gpt(20));
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', two.device], {
      input: 'label: gpt\nsize=20M\n',
    });
    const [from, to] = [await open(one.device, 'r'), await open(two.device, 'r+')];
    const mark = Buffer.alloc(MARK_BYTES);
    await from.read(mark, 0, MARK_BYTES, MARK_OFFSET);
    await to.write(mark, 0, MARK_BYTES, MARK_OFFSET);
    await from.close();
    await to.close();
    expect(mark.toString('latin1')).toMatch(/^this disk was partitioned by ka\n[0-9a-f]{64}\n\0/);
    expect([await isKas(one.device), await isKas(two.device)]).toEqual([true, false]);
  });

  test('not when it keeps data: it is not to be erased unasked', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(100 * MIB);
    await write(bench, device, 'gpt', gpt(20, 20));
    expect(await isKas(device)).toBe(true);
    const [first, second] = gpt(20, 20);
    if (!first || !second) throw new Error('two partitions');
    await write(bench, device, 'gpt', [first, { ...second, content: 'keep' }]);
    expect(await isKas(device)).toBe(false);
  });

  test('a partition that begins before the first MiB is not written into', async () => {
    await using bench = await makeBench();
    const { device, image } = await bench.disk(100 * MIB);
    const plan = await planFor(device, 'msdos', [partition(1, 10)]);
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', device], {
      input: 'label: dos\nstart=63, size=20480\n',
    });
    await run('blockdev', ['--flushbufs', device]);
    const before = await sha256(image);
    await markDisk(plan, bench.context(clonePlan([plan])));
    await run('blockdev', ['--flushbufs', device]);
    expect(await sha256(image)).toBe(before);
  });
});
