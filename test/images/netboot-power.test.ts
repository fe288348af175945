/** `ka wake` and `ka power`. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { kaCommand } from '../../demo/ka-process.ts';
import { Lab } from '../../demo/lab.ts';
import { splitWords } from '../../images/netboot/split-words.ts';
import { run } from '../../system/run.ts';
import { eventually } from '../support/eventually.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

describe('ka wake', () => {
  test('a sleeping machine hears its address, three times', async () => {
    await using lab = await Lab.create({ nodes: 1, directory: labDirectory });
    const [node] = lab.nodes;
    if (!node) throw new Error('no node');
    const listener = node.start(['nc', '-k', '-u', '-l', '9'], {
      encoding: 'buffer',
      reject: false,
    });
    let heard = Buffer.alloc(0);
    listener.stdout?.on('data', (bytes: Buffer) => {
      heard = Buffer.concat([heard, bytes]);
    });
    const ports = () => node.run(['ss', '-Hlun', 'sport = :9']);
    await eventually('it listens', async () => (await ports()).stdout !== '');
    await lab.golden.run(kaCommand(['wake', '52-54-00-AA-BB-CC']));
    const packet = Buffer.from('ff'.repeat(6) + '525400aabbcc'.repeat(16), 'hex');
    await eventually('three packets', () => heard.length >= 3 * packet.length);
    expect(heard).toEqual(Buffer.concat([packet, packet, packet]));
    listener.kill();
    await listener;
    await expect(lab.golden.run(kaCommand(['wake', '52:54:00']))).rejects.toThrow(/"52:54:00"/);
  });
});

describe('ka power', () => {
  let dir: TempDir;

  beforeAll(async () => {
    dir = await makeTempDir();
    const tool = join(dir.path, 'power tool');
    const script =
      '#!/bin/sh\necho "$@" >> "$1"\n[ "$2" = bad ] && { echo no answer >&2; exit 3; }\necho "Chassis Power is $3"\n';
    await writeFile(tool, script);
    await chmod(tool, 0o755);
    const command = (how: string) => `'${tool}' ${dir.path}/calls ${how}`;
    const disks = [{ name: 'sda', table: 'gpt', partitions: [{ size: 'fill' }] }];
    const nodes = [
      { name: 'node1', power: command('"a b"') },
      { name: 'node2', power: command('bad') },
      { name: 'node3' },
    ];
    await writeFile(join(dir.path, 'lab.yaml'), JSON.stringify({ disks, nodes }));
  });

  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });

  const power = async (...words: string[]) => {
    const [file, ...args] = kaCommand(['power', ...words]);
    const { stdout, stderr, exitCode } = await run(file, args, { okExitCodes: [0, 1, 2, 64] });
    return { exitCode, stdout, stderr };
  };

  test('each node by its own command, the exit status for all', async () => {
    const file = join(dir.path, 'lab.yaml');
    expect(await power('on', 'node1', '-p', file)).toEqual({
      exitCode: 0,
      stdout: 'node1: Chassis Power is on\n',
      stderr: '',
    });
    expect(await readFile(join(dir.path, 'calls'), 'utf8')).toBe(`${dir.path}/calls a b on\n`);
    const some = await power('status', '-p', file, 'node2', 'node1');
    expect(some).toMatchObject({ exitCode: 2, stdout: 'node1: Chassis Power is status\n' });
    expect(some.stderr).toMatch(/^ka: node2: .* exited 3: no answer\n$/);
    expect(await power('off', 'node2', '-p', file)).toMatchObject({ exitCode: 1, stdout: '' });
  }, 30_000);

  test('what it cannot do is one line, and then it does nothing', async () => {
    const file = join(dir.path, 'lab.yaml');
    const before = await readFile(join(dir.path, 'calls'), 'utf8');
    for (const [node, wrong] of [
      ['node3', /node "node3" has no power command/],
      ['node9', /no node "node9"; it has: node1, node2, node3/],
    ] as const) {
      const { exitCode, stderr } = await power('on', 'node1', node, '-p', file);
      expect({ exitCode, stderr }).toEqual({ exitCode: 64, stderr: expect.stringMatching(wrong) });
    }
    expect((await power('explode', 'node1', '-p', file)).exitCode).toBe(64);
    expect(await readFile(join(dir.path, 'calls'), 'utf8')).toBe(before);
  }, 30_000);

  test.each([
    ['ipmitool -H 10.0.1.7', ['ipmitool', '-H', '10.0.1.7']],
    [`  a 'b c'  "d \\"e\\" $f" g\\ h''i `, ['a', 'b c', 'd "e" $f', 'g hi']],
    [`-P '' x`, ['-P', '', 'x']],
    ['', []],
  ])('words of %p', (command, words) => {
    expect(splitWords(command)).toEqual(words);
  });

  test.each([`a 'b`, 'a "b', 'a \\'])('%p has no end', (command) => {
    expect(() => splitWords(command)).toThrow(/no end/);
  });
});
