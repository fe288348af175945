/** Locks between real processes, some of them killed while they hold one. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { withLock } from '../../system/lock.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

const program = fileURLToPath(new URL('./support/locker.ts', import.meta.url));
const quiet = '--disable-warning=ExperimentalWarning';

let dir: TempDir;
let file: string;
const holders: (() => Promise<void>)[] = [];

beforeEach(async () => {
  dir = await makeTempDir();
  file = join(dir.path, 'new directory/lock');
});

afterEach(async () => {
  for (const kill of holders.splice(0)) await kill();
  await dir[Symbol.asyncDispose]();
});

const start = (flags: readonly string[], ...args: string[]) =>
  execa(process.execPath, [quiet, ...flags, program, file, ...args], { reject: false });

/** A process that has the lock and does not let go until it is killed. */
const holder = async (flags: readonly string[]) => {
  const child = start(flags, 'hold');
  const kill = async () => {
    child.kill('SIGKILL');
    await child;
  };
  holders.push(kill);
  const [said] = await once(child.stdout, 'data');
  expect(String(said)).toBe('has it\n');
  return { pid: child.pid, kill };
};

describe.each([
  ['flock(2)', []],
  ['flock(1), where libc cannot be called', ['--no-experimental-ffi']],
])('a lock by %s', (_, flags: string[]) => {
  test('lets one in at a time', async () => {
    const counter = join(dir.path, 'counter');
    await writeFile(counter, '0');
    const all = Array.from({ length: 4 }, () => start(flags, 'count', counter, '50'));
    for (const { exitCode, stdout } of await Promise.all(all)) {
      expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
    }
    expect(await readFile(counter, 'utf8')).toBe('200');
  }, 60_000);

  test('is free at once when its holder is killed, and all who waited get it in turn', async () => {
    const counter = join(dir.path, 'counter');
    await writeFile(counter, '0');
    const first = await holder(flags);
    const waiting = Array.from({ length: 4 }, () => start(flags, 'count', counter, '20'));
    // Long enough for all of them to wait.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await readFile(counter, 'utf8')).toBe('0');
    await first.kill();
    expect((await Promise.all(waiting)).map(({ stdout }) => stdout)).toEqual(['', '', '', '']);
    expect(await readFile(counter, 'utf8')).toBe('80');
  }, 60_000);

  test('that is not given up names its holder after five seconds', async () => {
    const first = await holder(flags);
    const since = Date.now();
    const { stdout, exitCode } = await start(flags, 'hold');
    expect(stdout).toBe(
      `Busy: ${file} is held by process ${first.pid}; try again when it has ended`,
    );
    expect(exitCode).toBe(1);
    expect(Date.now() - since).toBeGreaterThan(4900);
  }, 60_000);
});

test('a lock that fails says so where neither way is allowed', async () => {
  const flags = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*'];
  const { stdout } = await start(flags, 'hold');
  expect(stdout).toBe(
    `LockFailed: ${file} cannot be locked: this Node may call neither flock(2) nor flock(1); allow one`,
  );
});

test('work that throws frees the lock, and its result is handed on', () => {
  const broken = () => {
    throw new Error('broken');
  };
  expect(() => withLock(file, broken)).toThrow('broken');
  expect(withLock(file, () => 7)).toBe(7);
});

test('whatever stands in the file, it is only a file', async () => {
  await mkdir(join(dir.path, 'new directory'));
  await writeFile(file, '{"pid":1,"started":"1"}');
  expect(withLock(file, () => readFileSync(file, 'utf8'))).toBe(`${process.pid}\n`);
});
