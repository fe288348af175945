import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { showPartitions } from '../../demo/loop-disk.ts';
import { MIB } from '../../desc/sizes.ts';
import { run } from '../../system/run.ts';
import { Disks } from './support/disks.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the `ka desc` commands alone, so that these tests need no other room. */
const program = `
import { Command } from 'commander';
import { addDescCommands } from '${project}/cli/desc.ts';
const program = new Command('ka');
addDescCommands(program);
await program.parseAsync(process.argv.slice(1), { from: 'user' });
`;

interface Result {
  code: number | undefined;
  out: string;
  errors: string[];
}

const ka = async (disks: Disks, ...args: string[]): Promise<Result> => {
  const { exitCode, stdout, stderr } = await execa(
    `${project}/node_modules/.bin/node`,
    ['--input-type=module', '--eval', program, '--', 'desc', ...args],
    { cwd: project, reject: false, env: { NODE_NO_WARNINGS: '1' } },
  );
  const errors = stderr.replaceAll(`${disks.folder}/`, '').split('\n').filter(Boolean);
  return { code: exitCode, out: stdout.replaceAll(`${disks.folder}/`, ''), errors };
};

const digest = async (file: string): Promise<string> => (await run('sha256sum', [file])).stdout;

describe('ka desc', () => {
  test('from-disk, check, plan, convert: one after the other on the same disk', async () => {
    await using disks = await Disks.create();
    const loop = await disks.loop(300 * MIB);
    await run('sfdisk', ['--no-reread', '--no-tell-kernel', loop], {
      input: 'label: dos\nsize=100MiB, type=83, bootable\ntype=5\nsize=50MiB, type=82\ntype=83\n',
    });
    await showPartitions(loop);
    const desc = `${disks.folder}/desc`;

    expect(await ka(disks, 'from-disk', loop, '--fill', '-o', desc)).toMatchObject({
      code: 0,
      errors: [],
    });
    const text = 'linux 100\nextended fill\nlogical swap 50\nlogical linux fill\n';
    expect(await readFile(desc, 'utf8')).toBe(`# ${loop.slice(5)}\n${text}`);

    expect((await ka(disks, 'check', desc, '--disk', loop)).out).toBe(
      `desc: good (${loop.slice(5)}: msdos, 4 partitions; fits)`,
    );

    const before = await digest(loop);
    const plan = await ka(disks, 'plan', desc, '--disk', `sda=${loop}`);
    expect(plan).toMatchObject({ code: 0, errors: [] });
    expect(plan.out).toContain(
      `sda = ${loop}: 300 MiB, 614400 sectors of 512 bytes, msdos table 0x`,
    );
    expect(plan.out).toMatch(/2048 - +206847 +100 MiB {2}\/dev\/loop\d+p1 linux/);
    expect(plan.out).toContain('6 : start=313344, size=301056, type=83');
    expect(await digest(loop)).toBe(before);

    const yaml = `${disks.folder}/desc.yaml`;
    expect(await ka(disks, 'convert', desc, '--name', 'sda', '-o', yaml)).toMatchObject({
      code: 0,
    });
    expect((await ka(disks, 'check', yaml, '--size', '300MiB')).out).toBe(
      'desc.yaml: good (sda: msdos, 4 partitions; fits)',
    );
  }, 120_000);

  test('from-disk of several disks, or of gpt, is YAML that can be checked', async () => {
    await using disks = await Disks.create();
    const files = [await disks.file(100 * MIB, 'one.img'), await disks.file(100 * MIB, 'two.img')];
    for (const file of files) await run('sfdisk', [file], { input: 'label: gpt\nsize=10MiB\n' });
    const yaml = `${disks.folder}/both.yaml`;
    expect(await ka(disks, 'from-disk', ...files, '-o', yaml)).toMatchObject({
      code: 0,
      errors: [],
    });
    expect((await ka(disks, 'check', yaml)).out).toBe(
      'both.yaml: good (one: gpt, 1 partition; two: gpt, 1 partition)',
    );
    const classic = await ka(disks, 'from-disk', ...files, '--format', 'classic');
    expect(classic).toMatchObject({
      code: 64,
      out: '',
      errors: ['ka: a classic file describes one disk; give one disk, or --format yaml'],
    });
  }, 120_000);

  test('each mistake of a file is a line on stderr, exit 64', async () => {
    await using disks = await Disks.create();
    const desc = `${disks.folder}/desc`;
    await writeFile(desc, 'linux\nlogical swap 5\nlinux 5G');
    const { code, out, errors } = await ka(disks, 'check', desc);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(errors.map((line) => line.slice(0, 7))).toEqual(['desc:1:', 'desc:2:', 'desc:3:']);
    expect(await ka(disks, 'check', `${disks.folder}/none`)).toMatchObject({
      code: 64,
      errors: [expect.stringContaining('ka: cannot read the description none: ENOENT')],
    });
  }, 120_000);

  test('a description larger than the disk is refused, exit 1', async () => {
    await using disks = await Disks.create();
    const desc = `${disks.folder}/desc`;
    await writeFile(desc, 'linux 9000\nswap fill\n');
    const small = await disks.file(100 * MIB, 'small.img');
    expect((await ka(disks, 'check', desc, '--disk', small)).errors).toEqual([
      expect.stringContaining('small (small.img) has 100 MiB, but the description needs 9002 MiB;'),
    ]);
    const refused = 'sda has 8 GiB, but the description needs 9002 MiB;';
    expect(await ka(disks, 'check', desc, '--size', '8G')).toMatchObject({
      code: 1,
      out: '',
      errors: [expect.stringContaining(refused)],
    });
  }, 120_000);

  test('sizes of a disk in small letters, and YAML under any name', async () => {
    await using disks = await Disks.create();
    const file = `${disks.folder}/lab`;
    await writeFile(file, '{ disks: [{ name: sda, table: gpt, partitions: [{ size: fill }] }] }');
    for (const size of ['8g', '8G', '8gib', '500gb', '500GB', '1.5t', '9000000b']) {
      expect([size, await ka(disks, 'check', file, '--size', size)]).toEqual([
        size,
        { code: 0, out: 'lab: good (sda: gpt, 1 partition; fits)', errors: [] },
      ]);
    }
    for (const size of ['8', 'g', '8x', '-8g', '0g', '8gg', '99999999t']) {
      const { errors, out } = await ka(disks, 'check', file, '--size', size);
      expect([size, out, errors[0]]).toEqual([
        size,
        '',
        expect.stringContaining('expected a size such as 8G, 8GiB or 500GB'),
      ]);
    }
  }, 120_000);

  test('nothing in a bad file, or in its name, is obeyed by the terminal', async () => {
    await using disks = await Disks.create();
    const file = `${disks.folder}/de\u001b[31msc`;
    await writeFile(file, 'lin\u001b[2Jux 5\nli\u009bnux 5\nlinux\u202e 5\n');
    const { code, out, errors } = await ka(disks, 'check', file);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(errors).toHaveLength(3);
    expect(errors.join()).not.toMatch(/[^\P{Cc}]|\u202e/u);
    const missing = await ka(disks, 'check', `${file}x`);
    expect(missing.errors.join()).not.toMatch(/[^\P{Cc}]/u);
  }, 120_000);

  test('a disk in use: the plan is shown, then refused', async () => {
    await using disks = await Disks.create();
    const loop = await disks.loop(200 * MIB);
    await run('mkfs.ext4', ['-q', loop]);
    const point = await disks.mount(loop);
    const desc = `${disks.folder}/desc`;
    await writeFile(desc, 'linux fill\n');
    const { code, out, errors } = await ka(disks, 'plan', desc, '--disk', loop);
    expect(code).toBe(1);
    expect(out).toContain('1 : start=2048, size=407552, type=83');
    expect(errors).toEqual([
      expect.stringContaining(
        `is in use: ${loop} is mounted on ${point.replace(`${disks.folder}/`, '')}`,
      ),
    ]);
  }, 120_000);

  test('a disk that is not there, and one the description does not name', async () => {
    await using disks = await Disks.create();
    const yaml = `${disks.folder}/d.yaml`;
    await writeFile(
      yaml,
      'disks:\n  - { name: sda, table: gpt, partitions: [{ size: fill }] }\n  - { name: sdb, table: gpt, partitions: [{ size: fill }] }\n',
    );
    expect((await ka(disks, 'plan', yaml, '--disk', 'nosuch')).errors).toEqual([
      expect.stringContaining('ka: no disk /dev/nosuch: ENOENT'),
    ]);
    const file = await disks.file(10 * MIB, 'other.img');
    expect(await ka(disks, 'plan', yaml, '--disk', file)).toMatchObject({
      code: 64,
      errors: [
        'ka: the description has no disk other, but sda, sdb; say which with --disk NAME=other.img',
      ],
    });
  }, 120_000);
});
