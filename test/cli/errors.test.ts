/** Errors of all commands: one form, and one exit status for the same mistake. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { kaCommand } from '../../demo/ka-process.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;
const at = (name: string): string => join(dir.path, name);

const nodeList = {
  disks: [{ name: 'sda', table: 'gpt', partitions: [{ size: 'fill' }] }],
  nodes: [{ name: 'node1', power: 'true' }, { name: 'node2' }],
};

beforeAll(async () => {
  dir = await makeTempDir();
  await writeFile(at('lab.yaml'), JSON.stringify(nodeList));
  await writeFile(at('bad.yaml'), 'disks: []\n');
  const partitions = [{ size: 'fill', filesystem: 'ext4', mount: '/' }];
  const whole = { disks: [{ name: 'sda', table: 'gpt', partitions }] };
  await writeFile(at('whole.yaml'), JSON.stringify(whole));
});

afterAll(async () => {
  await dir[Symbol.asyncDispose]();
});

const ka = async (...words: string[]) => {
  const [file, ...args] = kaCommand(words);
  const { exitCode, stdout, stderr } = await execa(file, args, {
    reject: false,
    env: { KA_STATE_DIR: at('state') },
  });
  return { exitCode, stdout, lines: stderr.split('\n') };
};

/** One line that begins with the program's name, not with the command's or anything else. */
const ONE_FORM = /^ka: (?!ka |error|ERROR)\S/;

describe('a node nobody knows ends with 64, before anything is done', () => {
  test.each([
    ['status', ['status', 'nosuch.invalid', '127.0.0.1:9']],
    ['power', ['power', 'on', 'node1', 'nosuch', '-p', 'lab.yaml']],
    ['power, of one that cannot be switched', ['power', 'on', 'node1', 'node2', '-p', 'lab.yaml']],
    ['pxe default', ['pxe', 'default', 'local', 'nosuch']],
    ['pxe forget', ['pxe', 'forget', 'nosuch']],
    ['wake', ['wake', '52:54:00:00:00:01', 'nosuch']],
  ])('%s', async (_, words) => {
    const found = await ka(...words.map((word) => word.replace(/^lab\.yaml$/, at('lab.yaml'))));
    expect(found).toEqual({ exitCode: 64, stdout: '', lines: [expect.stringMatching(ONE_FORM)] });
    expect(existsSync(at('state/pxe/labels.json'))).toBe(false);
  });

  test('and the help of each says so', async () => {
    for (const command of [
      ['status'],
      ['power'],
      ['pxe', 'default'],
      ['pxe', 'forget'],
      ['wake'],
    ]) {
      const { stdout } = await ka(...command, '--help');
      expect([command, stdout]).toEqual([
        command,
        expect.stringMatching(/Exit status: 0 [^\n]*64 a (node|name) is unknown/),
      ]);
    }
  }, 60_000);
});

test.each([
  [/three different ones$/, ['--control-port', '999', '--home-port', '999']],
  [/this machine has no such address/, ['--address', '192.0.2.77']],
  [/is a directory; name a file in it$/, ['--join-file', '/tmp']],
  [/would let nobody in/, ['--admit', 'list']],
  [/leaves out everything/, ['-x', '/']],
])('options that cannot be meant, exit 64: %s', async (what, words) => {
  const whole = ['golden', '--root', dir.path, '-p', 'sda', at('whole.yaml'), '-r', 'none'];
  const { exitCode, lines } = await ka(...whole, '--plan', ...words);
  expect(lines).toEqual([expect.stringMatching(what)]);
  expect(exitCode).toBe(64);
});

test('a node that is known and does not answer is no wrong use', async () => {
  const { exitCode, lines } = await ka('status', '127.0.0.1:9');
  expect(exitCode).toBe(1);
  expect(lines).toEqual([expect.stringMatching(/^ka: 127\.0\.0\.1:9: nothing answers/)]);
});

test.each([
  [64, ['status', 'a b']],
  [64, ['status', '--timeout', 'long', '127.0.0.1']],
  [64, ['images', 'build', '--name', '../x']],
  [64, ['images', 'build', '--add', 'file:/opt/file']],
  [64, ['desc', 'check', 'nosuch']],
  [64, ['golden', '--root', '/nosuch', '--plan']],
  [1, ['images', 'verify', 'nosuch']],
  [1, ['start', 'nosuch']],
])('errors begin with "ka: ", exit %i: %j', async (status, words) => {
  const { exitCode, lines } = await ka(...words);
  expect(lines).toEqual([expect.stringMatching(ONE_FORM)]);
  expect(exitCode).toBe(status);
});

test.each([
  [['--nosuch']],
  [['nosuch']],
  [['golden', '-n', 'many']],
  [['power', 'on', 'node1']],
  [['pxe', 'default', 'disk']],
  [['desc', 'plan']],
])('so do those of the command line, with a hint, exit 64: %j', async (words) => {
  const { exitCode, lines } = await ka(...words);
  expect(lines).toEqual([expect.stringMatching(ONE_FORM), '(ka COMMAND --help lists the options)']);
  expect(exitCode).toBe(64);
});

test.each([
  [['desc', 'check', 'bad.yaml']],
  [['golden', '-p', 'sda', 'bad.yaml', '--plan', '--root', '.']],
  [['power', 'on', 'node1', '-p', 'bad.yaml']],
])('mistakes in a description begin with file and line, exit 64: %j', async (words) => {
  const { exitCode, lines } = await ka(
    ...words.map((word) => (/^(bad\.yaml|\.)$/.test(word) ? at(word) : word)),
  );
  expect(lines).toEqual([expect.stringMatching(`^${at('bad.yaml')}:1:`)]);
  expect(exitCode).toBe(64);
});
