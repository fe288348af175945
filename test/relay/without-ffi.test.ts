/** Relaying on a Node that cannot, or must not, call the system's own functions. */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { run } from '../../system/run.ts';
import { expected } from './support/bytes.ts';

const program = fileURLToPath(new URL('./support/chain-process.ts', import.meta.url));
const BYTES = 20_000_000;

const relayWith = async (...flags: string[]): Promise<unknown> => {
  // A thread is needed for digests; Node warns of any that may be made.
  const silent = ['--disable-warning=SecurityWarning', ...flags];
  const { stdout, stderr } = await run(process.execPath, [...silent, program]);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
};

const quiet = '--disable-warning=ExperimentalWarning';

test.each([
  ['where it may', true, []],
  ['where Node has no node:ffi', false, ['--no-experimental-ffi']],
  [
    'where its permissions do not allow it',
    false,
    ['--permission', '--allow-fs-read=*', '--allow-net', '--allow-worker'],
  ],
])('moves a stream to the last byte, past a node that is taken out, %s', async (_, libc, flags) => {
  const result = await relayWith(quiet, ...flags);
  const got = expected(1, BYTES);
  expect(result).toEqual({
    libc,
    digest: expect.any(String),
    ends: ['finished', 'finished'],
    got: [got, got],
  });
});
