/** A copy byte by byte would take the golden's own keys along. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  attachLoop,
  detachLoop,
  loopPartition,
  makeBlankImage,
  showPartitions,
} from '../../../demo/loop-disk.ts';
import { makeBlueprint } from '../../../golden/blueprint.ts';
import { hiddenIn } from '../../../golden/own-secrets.ts';
import { run } from '../../../system/run.ts';

const MIB = 1024 * 1024;

let place: string;
let root: string;
let undo: (() => Promise<unknown>)[];

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'ka-test-'));
  root = join(place, 'root');
  undo = [() => rm(place, { recursive: true })];
});

afterEach(async () => {
  delete process.env.KA_STATE_DIR;
  for (const step of undo.reverse()) await step();
});

const attach = async (file: string): Promise<string> => {
  const device = await attachLoop(file);
  undo.push(() => detachLoop(device));
  return device;
};

const mount = async (device: string, directory: string): Promise<void> => {
  await run('mkfs.ext4', ['-q', device]);
  await mkdir(directory, { recursive: true });
  await run('mount', [device, directory]);
  undo.push(() => run('umount', [directory]));
};

/** A golden with a system on its first partition and its data on the second. */
const makeGolden = async (): Promise<string> => {
  const image = join(place, 'disk.img');
  await makeBlankImage(image, 64 * MIB);
  await run('sfdisk', ['--quiet', image], { input: 'label: gpt\nsize=30MiB\nsize=+\n' });
  const disk = await attach(image);
  await showPartitions(disk);
  await mount(loopPartition(disk, 1), root);
  await mkdir(join(root, 'etc'));
  await writeFile(join(root, 'etc/hostname'), 'golden\n');
  await mount(loopPartition(disk, 2), join(root, 'data'));
  return basename(disk);
};

const planRaw = (partition: string) =>
  makeBlueprint(
    {
      root,
      descriptions: [],
      exclude: [],
      skipDevices: undefined,
      rawPartitions: [partition],
      bootCodeOf: [],
      bootCodeFiles: [],
      bootloader: 'none',
      network: 'open',
      mayCompress: false,
    },
    new AbortController().signal,
  );

test('the partition with the state directory is refused by name, others are not', async () => {
  const disk = await makeGolden();
  process.env.KA_STATE_DIR = join(root, 'data/ka');
  await expect(planRaw(`${disk}p2`)).rejects.toMatchObject({
    code: 'HoldsSecrets',
    message: expect.stringContaining(`${disk}p2 cannot be copied byte by byte`),
  });
  process.env.KA_STATE_DIR = join(place, 'ka');
  expect((await planRaw(`${disk}p2`)).sources.map(({ plan }) => plan.kind)).toContain('raw');
});

test('also when it lies there in a file that is mounted elsewhere', async () => {
  const disk = await makeGolden();
  const image = join(root, 'data/state.img');
  await makeBlankImage(image, 8 * MIB);
  await mount(await attach(image), join(place, 'state'));
  process.env.KA_STATE_DIR = join(place, 'state');
  await expect(planRaw(`${disk}p2`)).rejects.toMatchObject({ code: 'HoldsSecrets' });
});

test('also when what is written there lies on it by an overlay, whose files are left out', async () => {
  const disk = await makeGolden();
  for (const name of ['upper/x', 'work'])
    await mkdir(join(root, 'data', name), { recursive: true });
  const merged = join(place, 'a, merged');
  await mkdir(merged);
  const [lower, upper, work] = [root, join(root, 'data/upper'), join(root, 'data/work')];
  await run('mount', [
    ...['-t', 'overlay', 'overlay', merged],
    ...['-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`],
  ]);
  undo.push(() => run('umount', [merged]));
  process.env.KA_STATE_DIR = join(merged, 'x/ka');
  await mkdir(process.env.KA_STATE_DIR);
  await expect(planRaw(`${disk}p2`)).rejects.toMatchObject({ code: 'HoldsSecrets' });
  expect(await hiddenIn(root, [])).toEqual(['/data/upper/x/ka']);
});
