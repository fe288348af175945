import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { Lab } from '../../demo/lab.ts';
import { run } from '../../system/run.ts';
import { eventually } from '../support/eventually.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const MIB = 1024 * 1024;

/** What would be left behind: namespaces and loop devices of this directory. */
const tracesOf = async (directory: string, mark: string) => {
  const namespaces = (await run('ip', ['netns', 'list'])).stdout;
  const loops = (await run('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE'])).stdout;
  const mounts = (await run('findmnt', ['--noheadings', '--output', 'TARGET'])).stdout;
  return [
    ...namespaces.split('\n').filter((line) => line.includes(mark)),
    ...loops.split('\n').filter((line) => line.includes(directory)),
    ...mounts.split('\n').filter((line) => line.includes(directory)),
  ];
};

describe('a lab', () => {
  test('lets its machines talk to each other and to nobody else', async () => {
    await using dir = await makeTempDir();
    await using lab = await Lab.create({ nodes: 2, directory: dir.path });
    const [first, second] = lab.nodes;
    if (!first || !second) throw new Error('no nodes');
    const listener = second.run(['nc', '-l', '-N', '9000'], { input: 'hello' });
    await eventually('nc listens', async () => {
      const sockets = await second.run(['ss', '-Hltn', 'sport = 9000']);
      return sockets.stdout.includes(':9000');
    });
    const { stdout } = await first.run(['nc', second.address, '9000']);
    await listener;
    expect(stdout).toBe('hello');
    const outside = await execa('ip', ['route', 'get', second.address], { reject: false });
    expect(outside.stdout).not.toContain('br0');
  });

  test('takes everything away at its end', async () => {
    await using dir = await makeTempDir();
    let mark = '';
    {
      await using lab = await Lab.create({ nodes: 1, directory: dir.path });
      mark = lab.golden.namespace.replace('-golden', '');
      const device = await lab.blankDisk(join(lab.directory, 'disk.img'), 64 * MIB);
      await run('mkfs.ext4', ['-q', device]);
      await lab.mount(device, 'mnt', 'rw');
      lab.nodes[0]?.start(['sleep', '600'], { reject: false });
      expect((await tracesOf(dir.path, mark)).length).toBeGreaterThan(3);
    }
    expect(await tracesOf(dir.path, mark)).toEqual([]);
  });

  test('takes away what a killed run left', async () => {
    await using dir = await makeTempDir();
    const lab = fileURLToPath(new URL('../../demo/lab.ts', import.meta.url));
    const script = `
      const { Lab } = await import(${JSON.stringify(lab)});
      const lab = await Lab.create({ nodes: 1, directory: ${JSON.stringify(dir.path)} });
      await lab.blankDisk(lab.directory + '/disk.img', ${MIB});
      console.log(lab.golden.namespace);
      process.kill(process.pid, 'SIGKILL');`;
    const killed = await execa(process.execPath, ['--input-type=module', '--eval', script], {
      reject: false,
    });
    const mark = killed.stdout.replace('-golden', '');
    expect((await tracesOf(dir.path, mark)).length).toBeGreaterThan(2);
    await using _next = await Lab.create({ nodes: 1, directory: dir.path });
    expect(await tracesOf(dir.path, mark)).toEqual([]);
    expect(existsSync(join(dir.path, `run-${mark.replace('ka-', '')}`))).toBe(false);
  });
});
