import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { showPartitions } from '../../demo/loop-disk.ts';
import { probeDisk } from '../../desc/probe.ts';
import { checkDiskStep } from '../../stage2/check-disk.ts';
import { formatStep } from '../../stage2/format.ts';
import { fsckStep } from '../../stage2/fsck.ts';
import { mountsUnder } from '../../stage2/mount-table.ts';
import { probeSignature } from '../../stage2/node-references.ts';
import { partitionStep } from '../../stage2/partition.ts';
import { plannedPartitions } from '../../stage2/planned-partitions.ts';
import { runSteps } from '../../stage2/runner.ts';
import { prepareSteps } from '../../stage2/steps.ts';
import { unmountStep } from '../../stage2/unmount.ts';
import { run } from '../../system/run.ts';
import { clonePlan, GPT_LINUX, MIB, makeBench, partition, planFor, sha256 } from './support.ts';

const fs = (
  type: 'ext2' | 'ext3' | 'ext4' | 'xfs' | 'btrfs' | 'vfat' | 'swap' | 'jfs' | 'reiserfs',
  label: string,
) => ({
  filesystem: { type, options: [], label },
});

describe('a disk is prepared as planned', () => {
  test('msdos with logical partitions, file systems mounted outermost first', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(1400 * MIB);
    const plan = clonePlan([
      await planFor(device, 'msdos', [
        partition(1, 64, { ...fs('ext4', 'inner'), mount: '/home/data', content: 'files' }),
        partition(2, 128, { ...fs('ext4', 'root'), mount: '/', content: 'files', flags: ['boot'] }),
        partition(3, 64, { ...fs('swap', 'swap'), type: '82' }),
        partition(4, null, { role: 'extended', type: '05' }),
        partition(5, 400, { ...fs('xfs', 'home'), mount: '/home' }),
        partition(6, 200, { ...fs('btrfs', 'srv'), mount: '/srv' }),
      ]),
    ]);
    await runSteps(prepareSteps, bench.context(plan), () => undefined);

    const mounts = (await mountsUnder(bench.target)).map(({ mount, source }) => [
      mount.slice(bench.target.length),
      source,
    ]);
    expect(mounts).toEqual([
      ['', `${device}p2`],
      ['/home', `${device}p5`],
      ['/srv', `${device}p6`],
      ['/home/data', `${device}p1`],
    ]);
    for (const { partition: planned, device: node } of plannedPartitions(plan)) {
      if (!planned.filesystem) continue;
      const found = await probeSignature(node, bench.context(plan));
      expect([found.TYPE, found.UUID, found.LABEL]).toEqual([
        planned.filesystem.type,
        planned.filesystem.uuid,
        planned.filesystem.label,
      ]);
    }
    await runSteps([unmountStep, fsckStep], bench.context(plan), () => undefined);
    expect(await mountsUnder(bench.target)).toEqual([]);
  });

  test('gpt with every other file system, each with the planned UUID', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(512 * MIB);
    const linux = { type: GPT_LINUX, role: 'primary' as const };
    const plan = clonePlan([
      await planFor(device, 'gpt', [
        partition(1, 40, { ...linux, ...fs('vfat', 'ESP') }),
        partition(2, 40, { ...linux, ...fs('ext2', 'two') }),
        partition(3, 40, { ...linux, ...fs('ext3', 'three') }),
        partition(4, 40, { ...linux, ...fs('jfs', 'jfs') }),
        partition(5, 60, { ...linux, ...fs('reiserfs', 'reiser') }),
      ]),
    ]);
    await runSteps(
      [checkDiskStep, partitionStep, formatStep, fsckStep],
      bench.context(plan),
      () => undefined,
    );
    for (const { partition: planned, device: node } of plannedPartitions(plan)) {
      const found = await probeSignature(node, bench.context(plan));
      expect([found.TYPE, found.UUID, found.LABEL, found.PART_ENTRY_UUID]).toEqual([
        planned.filesystem?.type,
        planned.filesystem?.uuid,
        planned.filesystem?.label,
        planned.partUuid,
      ]);
    }
  });

  test('a logical partition where not all primaries are used', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(100 * MIB);
    const plan = clonePlan([
      await planFor(device, 'msdos', [
        partition(1, null, { role: 'extended', type: '05' }),
        partition(5, 20),
        partition(6, null, fs('ext4', 'last')),
      ]),
    ]);
    await runSteps([partitionStep, formatStep], bench.context(plan), () => undefined);
    expect(await probeSignature(`${device}p6`, bench.context(plan))).toMatchObject({
      LABEL: 'last',
    });
  });

  test('on sectors of 4096 bytes', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(300 * MIB, 4096);
    const plan = clonePlan([
      await planFor(device, 'msdos', [
        partition(1, 100, { ...fs('ext4', 'root'), mount: '/', content: 'files' }),
        partition(2, null, { ...fs('swap', 'swap'), type: '82' }),
      ]),
    ]);
    await runSteps(prepareSteps, bench.context(plan), () => undefined);
    const facts = await probeDisk(device, 'sda');
    expect(
      facts.partitions.map(({ startSector, sizeSectors }) => [startSector, sizeSectors]),
    ).toEqual(
      plan.disks[0]?.partitions.map(({ startSector, sizeSectors }) => [startSector, sizeSectors]),
    );
  });

  test('signatures of an earlier use are gone, and boot code leaves the disk id alone', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(200 * MIB);
    await run('mkfs.ext4', ['-q', '-F', device]);
    await run('sfdisk', ['--wipe', 'never', device], {
      input: 'label: gpt\nsize=50M\nsize=50M\n',
    });
    await showPartitions(device);
    await run('mkfs.ext4', ['-q', `${device}p1`]);
    const disk = await planFor(device, 'msdos', [partition(1, 50), partition(2, null)]);
    const plan = clonePlan([disk], {
      bootCode: { sda: Buffer.alloc(446, 0xfa).toString('base64') },
    });
    await runSteps([partitionStep], bench.context(plan), () => undefined);
    const { stdout } = await run('sfdisk', ['--dump', device]);
    expect(stdout).toContain(`label-id: ${disk.tableId}`);
    expect(await probeSignature(`${device}p1`, bench.context(plan))).not.toHaveProperty('TYPE');
    const handle = await open(device, 'r');
    const { buffer } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    await handle.close();
    expect(buffer.subarray(0, 440).every((byte) => byte === 0xfa)).toBe(true);
    expect(buffer.readUInt32LE(440)).toBe(Number(disk.tableId));
  });

  test('a kept partition keeps every byte while its neighbour is made anew', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(200 * MIB);
    await run('sfdisk', [device], {
      input: 'label: gpt\nsize=50M, name="a"\nsize=50M, name="keep me"\n',
    });
    await showPartitions(device);
    await run('mkfs.ext4', ['-q', '-L', 'precious', `${device}p2`]);
    const before = await sha256(`${device}p2`);
    const disk = await planFor(device, 'gpt', [
      partition(1, 50, { type: GPT_LINUX, ...fs('ext4', 'fresh'), mount: '/', content: 'files' }),
      partition(2, 50, { type: GPT_LINUX, content: 'keep' }),
      partition(3, null, { type: GPT_LINUX }),
    ]);
    const plan = clonePlan([disk]);
    await runSteps(prepareSteps, bench.context(plan), () => undefined);
    expect(await sha256(`${device}p2`)).toBe(before);
    expect((await probeDisk(device)).partitions.map(({ number }) => number)).toEqual([1, 2, 3]);
  });
});

describe('a disk that is not the planned one is refused and unchanged', () => {
  const refused = async (
    spoil: (
      disk: { device: string; image: string },
      directory: string,
    ) => Promise<() => Promise<void>>,
  ): Promise<{ code: string; message: string; isUnchanged: boolean }> => {
    await using bench = await makeBench();
    const disk = await bench.disk(64 * MIB);
    await run('sfdisk', [disk.device], { input: 'label: dos\nsize=30M\n' });
    await showPartitions(disk.device);
    await run('mkfs.ext2', ['-q', `${disk.device}p1`]);
    const plan = clonePlan([
      await planFor(disk.device, 'msdos', [partition(1, null, { ...fs('ext4', 'x') })]),
    ]);
    const undo = await spoil(disk, bench.directory);
    const before = await sha256(disk.image);
    const error = await runSteps(prepareSteps, bench.context(plan), () => undefined).then(
      () => ({ code: 'none', message: '' }),
      (thrown) => thrown,
    );
    await run('sync', []);
    const isUnchanged = (await sha256(disk.image)) === before;
    await undo();
    return { code: error.code, message: error.message, isUnchanged };
  };

  test('mounted', async () => {
    const result = await refused(async ({ device }, directory) => {
      const mount = join(directory, 'in use');
      await run('mkdir', [mount]);
      await run('mount', ['-o', 'ro', `${device}p1`, mount]);
      return async () => {
        await run('umount', [mount]);
      };
    });
    expect(result).toMatchObject({ code: 'DiskInUse', isUnchanged: true });
    expect(result.message).toContain('in use');
  });

  test('of another size', async () => {
    const result = await refused(async ({ device, image }) => {
      await run('truncate', ['--size=80M', image]);
      await run('losetup', ['--set-capacity', device]);
      return async () => undefined;
    });
    expect(result).toMatchObject({ code: 'DiskMismatch', isUnchanged: true });
  });

  test('absent', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(64 * MIB);
    const disk = await planFor(device, 'msdos', [partition(1, null)]);
    const plan = clonePlan([{ ...disk, device: '/dev/no-such-disk' }]);
    await expect(
      runSteps(prepareSteps, bench.context(plan), () => undefined),
    ).rejects.toMatchObject({
      code: 'NoSuchDisk',
    });
  });

  test('without the tool to make a planned file system', async () => {
    await using bench = await makeBench();
    const { device, image } = await bench.disk(64 * MIB);
    const before = await sha256(image);
    const plan = clonePlan([await planFor(device, 'msdos', [partition(1, null, fs('jfs', 'x'))])]);
    const path = process.env.PATH;
    const tools = join(bench.directory, 'tools');
    await run('mkdir', [tools]);
    for (const tool of ['sfdisk', 'wipefs', 'partx', 'blkid', 'mount', 'umount', 'tar', 'sync']) {
      await writeFile(join(tools, tool), '');
    }
    process.env.PATH = tools;
    try {
      await expect(
        runSteps(prepareSteps, bench.context(plan), () => undefined),
      ).rejects.toMatchObject({
        code: 'ToolMissing',
        message: expect.stringContaining('mkfs.jfs'),
      });
    } finally {
      process.env.PATH = path;
    }
    expect(await sha256(image)).toBe(before);
  });
});

test('the log has every command with its output', async () => {
  await using bench = await makeBench();
  const { device } = await bench.disk(64 * MIB);
  const plan = clonePlan([await planFor(device, 'msdos', [partition(1, null, fs('ext4', 'x'))])]);
  await runSteps([partitionStep], bench.context(plan), () => undefined);
  expect(bench.log.join('\n')).toContain(`+ sfdisk`);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(bench.target);
});
