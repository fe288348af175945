import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  fileFacts,
  findImage,
  IMAGE_FILES,
  imageFaults,
  listImages,
  removeImage,
} from '../../images/store.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;

beforeEach(async () => {
  dir = await makeTempDir();
  process.env.KA_STATE_DIR = dir.path;
});

afterEach(async () => {
  delete process.env.KA_STATE_DIR;
  await dir[Symbol.asyncDispose]();
});

const makeImage = async (name: string): Promise<string> => {
  const directory = join(dir.path, 'images', name);
  await mkdir(directory, { recursive: true });
  for (const file of IMAGE_FILES) await writeFile(join(directory, file), `${file} of ${name}`);
  const facts = await Promise.all(
    IMAGE_FILES.map(async (file) => [file, await fileFacts(join(directory, file))] as const),
  );
  const manifest = {
    id: `id-${name}`,
    version: '0.1.0',
    protocol: 1,
    kernel: '6.1',
    drivers: 'virtio',
    built: 0,
    files: Object.fromEntries(facts),
  };
  await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest));
  return directory;
};

describe('boot images', () => {
  test('are found by name, all of them listed; what is unfinished is none', async () => {
    await makeImage('b');
    await makeImage('a');
    await mkdir(join(dir.path, 'images', '.c.123'));
    await mkdir(join(dir.path, 'images', 'empty'));
    expect((await listImages()).map(({ name }) => name)).toEqual(['a', 'b']);
    expect((await findImage('b')).manifest.id).toBe('id-b');
  });

  test('that are not there are named with the command that builds them', async () => {
    await expect(findImage()).rejects.toThrow(
      'there is no boot image "default" on this machine; build it with: ka images build',
    );
    await expect(findImage('lab')).rejects.toThrow('ka images build --name lab');
    await expect(findImage('../etc')).rejects.toThrow('image name "../etc": use up to 64');
  });

  test('with damaged or missing files are found out', async () => {
    const directory = await makeImage('a');
    expect(await imageFaults(await findImage('a'))).toEqual([]);
    await appendFile(join(directory, 'initrd.img'), 'x');
    await rm(join(directory, 'vmlinuz'));
    expect(await imageFaults(await findImage('a'))).toEqual([
      'vmlinuz is missing',
      'initrd.img is damaged (16 bytes, built with 15)',
    ]);
  });

  test('of another version of ka are said to be', async () => {
    const directory = await makeImage('a');
    await writeFile(join(directory, 'manifest.json'), '{"id": 1}');
    await expect(findImage('a')).rejects.toThrow('build the image again: ka images build --name a');
  });

  test('are gone when removed', async () => {
    await makeImage('a');
    await removeImage('a');
    expect(await listImages()).toEqual([]);
  });
});
