import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { attachLoop, detachLoop, makeBlankImage, showPartitions } from '../../demo/loop-disk.ts';
import { majorMinorOf } from '../../desc/sysfs-disk.ts';
import { ensureNode, kernelPartitions } from '../../stage2/kernel-partitions.ts';
import { run } from '../../system/run.ts';
import { makeTempDir } from '../support/temp-dir.ts';

test("a device node that an earlier partition left is made anew: its number is another disk's by now", async () => {
  await using directory = await makeTempDir();
  const image = join(directory.path, 'disk.img');
  await makeBlankImage(image, 8 * 1024 * 1024);
  const disk = await attachLoop(image);
  const node = `${disk}p1`;
  try {
    await run('sfdisk', ['--quiet', disk], { input: 'label: dos\nsize=4M\n' });
    await showPartitions(disk);
    const [partition] = await kernelPartitions(disk);
    if (!partition) throw new Error('the kernel shows no partition');
    // The number of the whole disk: whoever writes there destroys the table.
    const { rdev } = await stat(disk);
    const [major = '', minor = ''] = majorMinorOf(rdev).split(':');
    await rm(node);
    await run('mknod', [node, 'b', major, minor]);
    const said: string[] = [];
    const { signal } = new AbortController();
    await ensureNode(partition, { log: (line) => said.push(line), signal });
    expect(majorMinorOf((await stat(node)).rdev)).toBe(partition.deviceNumber);
    expect(said).toContainEqual(expect.stringContaining('another partition: made anew'));
  } finally {
    await detachLoop(disk);
    await rm(node, { force: true });
  }
});
