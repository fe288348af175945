import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import type { ClonePlan } from '../../desc/clone-plan.ts';
import { makeUnbootable } from '../../stage2/make-unbootable.ts';
import { mountsUnder } from '../../stage2/mount-table.ts';
import { runSteps } from '../../stage2/runner.ts';
import { prepareSteps } from '../../stage2/steps.ts';
import { run } from '../../system/run.ts';
import { clonePlan, GPT_LINUX, MIB, makeBench, partition, planFor } from './support.ts';

const ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';

const readAt = async (device: string, position: number, bytes: number): Promise<Buffer> => {
  const handle = await open(device, 'r');
  try {
    return (await handle.read(Buffer.alloc(bytes), 0, bytes, position)).buffer;
  } finally {
    await handle.close();
  }
};

const writeAt = async (device: string, position: number, bytes: Buffer): Promise<void> => {
  const handle = await open(device, 'r+');
  try {
    await handle.write(bytes, 0, bytes.length, position);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const typeOf = async (device: string): Promise<string> => {
  const args = ['-p', '-s', 'TYPE', '-o', 'value', device];
  return (await run('blkid', args, { okExitCodes: [0, 2] })).stdout.trim();
};

const fs = (type: 'ext4' | 'vfat' | 'xfs') => ({ filesystem: { type, options: [] } });

/** A disk that was prepared, with noise in what is raw, to be kept, or nobody's. */
const preparedDisk = async (bench: Awaited<ReturnType<typeof makeBench>>) => {
  const { device } = await bench.disk(700 * MIB);
  const linux = { type: GPT_LINUX };
  const disk = await planFor(device, 'gpt', [
    // Not mounted: not every kernel that runs this has vfat.
    partition(1, 40, { ...fs('vfat'), type: ESP }),
    partition(2, 64, { ...linux, ...fs('ext4'), mount: '/', content: 'files' }),
    partition(3, 16, { ...linux, content: 'raw' }),
    partition(4, 16, { ...linux }),
    partition(5, 16, { ...linux, role: 'primary' }),
    partition(6, 320, { ...linux, role: 'primary', ...fs('xfs') }),
  ]);
  const plan = clonePlan([disk], {
    bootCode: { sda: Buffer.alloc(440, 0xfa).toString('base64') },
  });
  await runSteps(prepareSteps, bench.context(plan), () => undefined);
  const noise = randomBytes(2 * MIB);
  for (const number of [3, 4, 5]) await writeAt(`${device}p${number}`, 0, noise);
  const kept: ClonePlan = {
    ...plan,
    disks: [
      {
        ...disk,
        partitions: disk.partitions.map((each) =>
          each.number === 4 ? { ...each, content: 'keep' as const } : each,
        ),
      },
    ],
  };
  return { device, plan: kept, noise };
};

test('nothing that was written can be started from; what is kept, and the table, stay', async () => {
  await using bench = await makeBench();
  const { device, plan, noise } = await preparedDisk(bench);
  const table = (await run('sfdisk', ['--dump', device])).stdout;
  await makeUnbootable(bench.context(plan));
  expect(await mountsUnder(bench.target)).toEqual([]);
  for (const number of [1, 2, 6]) expect(await typeOf(`${device}p${number}`)).toBe('');
  for (const number of [1, 2, 3, 6]) {
    expect((await readAt(`${device}p${number}`, 0, MIB)).equals(Buffer.alloc(MIB))).toBe(true);
  }
  const [raw, ...others] = await Promise.all(
    [3, 4, 5].map((number) => readAt(`${device}p${number}`, 0, 2 * MIB)),
  );
  expect(raw?.subarray(MIB).equals(noise.subarray(MIB))).toBe(true);
  for (const untouched of others) expect(untouched.equals(noise)).toBe(true);
  expect((await readAt(device, 0, 440)).equals(Buffer.alloc(440))).toBe(true);
  expect((await run('sfdisk', ['--dump', device])).stdout).toBe(table);
});

test('a mount that stays busy is told of, and the rest is done', async () => {
  await using bench = await makeBench();
  const { device, plan } = await preparedDisk(bench);
  const busy = await open(`${bench.target}/busy`, 'w');
  try {
    await expect(makeUnbootable(bench.context(plan))).rejects.toMatchObject({
      code: 'StillBootable',
      message: expect.stringContaining(bench.target),
    });
    for (const number of [1, 3, 6]) {
      expect((await readAt(`${device}p${number}`, 0, MIB)).equals(Buffer.alloc(MIB))).toBe(true);
    }
    expect((await readAt(device, 0, 440)).equals(Buffer.alloc(440))).toBe(true);
  } finally {
    await busy.close();
  }
});

test('a disk that only keeps what it has keeps its boot code too', async () => {
  await using bench = await makeBench();
  const { device } = await bench.disk(64 * MIB);
  await run('sfdisk', ['--quiet', device], { input: 'label: dos\nsize=16M, type=7\n' });
  const code = randomBytes(440);
  await writeAt(device, 0, code);
  const disk = await planFor(device, 'msdos', [partition(1, 16, { content: 'keep' })]);
  await makeUnbootable(bench.context(clonePlan([disk])));
  expect((await readAt(device, 0, 440)).equals(code)).toBe(true);
});
