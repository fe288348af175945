/** A full disk on the golden ends its log, and nothing else. */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Lab } from '../../../demo/lab.ts';
import { GrowingFile } from '../../../golden/growing-file.ts';
import { run } from '../../../system/run.ts';
import { exits, readEvents, readReport, startAgent, startGolden } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { labDirectory } from '../../support/lab-directory.ts';

let lab: Lab;
let state: string;

/** Fills what is left of a file system, and gives it back by removing the file. */
const fill = async (directory: string): Promise<string> => {
  const file = join(directory, 'filling');
  await run('dd', ['if=/dev/zero', `of=${file}`, 'bs=4096'], { okExitCodes: [1] });
  return file;
};

beforeAll(async () => {
  lab = await Lab.create({ nodes: 1, directory: labDirectory });
  state = join(lab.directory, 'golden-state');
  await mkdir(state);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', state]);
});

afterAll(async () => {
  await run('umount', [state]);
  await lab[Symbol.asyncDispose]();
});

test('a session is brought to its end on a disk that is full, and says so once', async () => {
  const root = join(lab.directory, 'tree');
  const into = join(lab.directory, 'clone');
  await mkdir(join(root, 'data'), { recursive: true });
  await writeFile(join(root, 'data/file'), 'cloned');
  await mkdir(into);
  const description = join(lab.directory, 'description.json');
  const partition = { size: 'fill', filesystem: 'ext4', mount: '/' };
  const disks = [{ name: 'sda', table: 'msdos', partitions: [partition] }];
  await writeFile(description, JSON.stringify({ disks }));
  const flags = ['-p', 'sda', description, '--root', root, '-r', 'none', '--no-phone-home'];
  const session = startGolden(lab, [
    '-n',
    '2',
    '--min-nodes',
    '1',
    '--wait-timeout',
    '5s',
    ...flags,
  ]);
  await eventually('it is open', async () => (await readEvents(session)).length > 0);
  const agent = startAgent(lab, 1, ['--golden', lab.golden.address, '--into', into]);
  await eventually('the node is in', async () =>
    (await readEvents(session)).some((event) => event.kind === 'node' && event.state === 'waiting'),
  );
  await fill(state);
  // One of the two that were wanted never came.
  expect(await session.ended).toBe(2);
  expect(await exits(agent)).toEqual([0]);
  expect(await readFile(join(into, 'data/file'), 'utf8')).toBe('cloned');
  expect((await readReport(lab)).nodes).toEqual([expect.objectContaining({ result: 'done' })]);
  const told = (await readEvents(session)).flatMap((event) =>
    event.kind === 'log' && /cannot be written/.test(event.message) ? [event.message] : [],
  );
  const [sessionDirectory] = await readdir(join(state, 'sessions'));
  const files = ['journal.jsonl', 'golden.log', 'node-1.log'];
  for (const message of told) expect(message).toMatch(/ENOSPC.*; the session goes on$/);
  // Each file once.
  expect(told.length).toBeGreaterThan(0);
  expect(new Set(told).size).toBe(told.length);
  expect(await session.text()).toContain('ka: the report ');
  // What was written before is whole, and nobody else's to read.
  const directory = join(state, 'sessions', sessionDirectory ?? '');
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  for (const name of (await readdir(directory)).filter((file) => files.includes(file))) {
    const text = await readFile(join(directory, name), 'utf8');
    expect([name, text === '' || text.endsWith('\n')]).toEqual([name, true]);
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
  }
}, 60_000);

test('a file goes on when there is room again, without half a line in between', async () => {
  const place = join(lab.directory, 'small');
  await mkdir(place);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place]);
  const said: string[] = [];
  const file = new GrowingFile(join(place, 'file'), (line) => said.push(line));
  const line = `${'x'.repeat(2999)}\n`;
  for (let number = 0; number < 100; number += 1) file.append(line);
  const filling = await fill(place);
  for (let number = 0; number < 100; number += 1) file.append(line);
  await rm(filling, { force: true });
  await run('mount', ['-o', 'remount,size=128k', place]);
  file.append('last\n');
  file.close();
  const text = await readFile(file.path, 'utf8');
  expect(text).toMatch(/^(?:x{2999}\n)+last\n$/);
  expect(said).toEqual([
    expect.stringMatching(/file cannot be written: ENOSPC.*; the session goes on$/),
    expect.stringMatching(/file can be written again; what came meanwhile is not in it$/),
  ]);
  await run('umount', [place]);
});
