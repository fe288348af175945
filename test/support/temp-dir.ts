/** A directory of a test's own, removed with it: `await using dir = await makeTempDir()`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempDir extends AsyncDisposable {
  path: string;
}

export const makeTempDir = async (parent = tmpdir()): Promise<TempDir> => {
  const path = await mkdtemp(join(parent, 'ka-test-'));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
};
