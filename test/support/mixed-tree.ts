/** A tree with everything a copy can lose, in bulk. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { writeSampleData } from '../../demo/sample-data.ts';
import { run } from '../../system/run.ts';
import { eventually } from './eventually.ts';

const PER_DIRECTORY = 500;

const writeManyFiles = (directory: string, count: number): void => {
  for (let index = 0; index < count; index += 1) {
    const place = join(directory, `d${Math.floor(index / PER_DIRECTORY)}`);
    if (index % PER_DIRECTORY === 0) mkdirSync(place, { recursive: true });
    // Every other one is empty, the rest have sizes from 1 to 999 bytes.
    writeFileSync(join(place, `f${index}`), index % 2 ? '' : 'x'.repeat((index % 999) + 1));
  }
};

/** Leaves a socket behind, as a daemon that was killed does. */
const makeSocket = async (path: string): Promise<void> => {
  const listener = execa('nc', ['-l', '-U', path], { reject: false });
  await eventually('the socket is there', () => existsSync(path));
  listener.kill('SIGKILL');
  await listener;
};

/** Adds it to `root`; `small` is the number of small files. */
export const writeMixedTree = async (root: string, small: number): Promise<void> => {
  const samples = join(root, 'samples');
  await mkdir(samples);
  await writeSampleData(samples, 20);
  await makeSocket(join(samples, 'socket'));
  await run('mknod', [join(samples, 'block device'), 'b', '7', '200']);
  await run('mkdir', ['-m', '0555', join(samples, 'read-only')]);
  writeManyFiles(join(root, 'many'), small);
};
