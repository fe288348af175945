import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ClonePlan } from '../../desc/clone-plan.ts';
import { toolsFor } from '../../stage2/check-tools.ts';
import { runSteps } from '../../stage2/runner.ts';
import {
  directoryFinishSteps,
  directoryPrepareSteps,
  finishSteps,
  prepareSteps,
} from '../../stage2/steps.ts';
import { run } from '../../system/run.ts';
import { writeFiles } from '../support/fake-root.ts';
import { openBridge } from './rsync-bridge.ts';
import {
  type Bench,
  clonePlan,
  copyStream,
  MIB,
  makeBench,
  partition,
  planFor,
  sha256,
} from './support.ts';

const root = { mount: '/', content: 'files' } as const;
const files = { name: '/', kind: 'files', disk: 'sda', partition: 1, mount: '/' } as const;
const raw = { name: 'raw sda2', kind: 'raw', disk: 'sda', partition: 2 } as const;

/** A disk with a small system, a data partition and swap. */
const planOn = async (device: string): Promise<ClonePlan> =>
  clonePlan(
    [
      await planFor(device, 'msdos', [
        partition(1, 60, { filesystem: { type: 'ext4', options: [] }, ...root }),
        partition(2, 8, { content: 'raw' }),
        partition(3, null, { type: '82', filesystem: { type: 'swap', options: [] } }),
      ]),
    ],
    { streams: [files, { ...raw, expectedBytes: 8 * MIB }] },
  );

/** Does `work` with nothing but these programs in PATH. */
const withOnly = async <T>(
  directory: string,
  tools: readonly string[],
  work: () => Promise<T>,
): Promise<T> => {
  const places = new Map<string, string>();
  for (const tool of tools) {
    const { stdout } = await run('bash', ['-c', `type -P "$1"`, 'bash', tool]);
    places.set(tool, stdout.trim());
  }
  await mkdir(directory);
  for (const [tool, place] of places) await symlink(place, join(directory, tool));
  const path = process.env.PATH;
  process.env.PATH = directory;
  try {
    return await work();
  } finally {
    process.env.PATH = path;
  }
};

const fillGolden = async (bench: Bench): Promise<string> => {
  const golden = join(bench.directory, 'golden');
  await writeFiles(golden, {
    'etc/hostname': 'golden\n',
    'etc/hosts': '127.0.1.1 golden\n',
    'etc/fstab': 'UUID=aaaaaaaa-0000-4000-8000-000000000001 / ext4 defaults 0 1\n',
    'srv/data': 'data',
  });
  return golden;
};

/** Everything a node does with this plan, as far as there is a system without programs of its own. */
const cloneFrom = async (golden: string, plan: ClonePlan, bench: Bench): Promise<void> => {
  await runSteps(prepareSteps, bench.context(plan), () => undefined);
  const encoding = 'zstd' as const;
  const from = { path: golden, exclude: [], encoding };
  await copyStream(
    { ...from, kind: 'files', mount: '/', mounts: ['/'] },
    files,
    bench.context(plan),
  );
  await copyStream(
    { ...from, kind: 'raw', mount: undefined, mounts: [], path: join(golden, '../raw.img') },
    { ...raw, expectedBytes: 8 * MIB },
    bench.context(plan),
  );
  await using bridge = await openBridge(bench.directory, { '/': golden });
  await runSteps(finishSteps, bench.context(plan, bridge), () => undefined);
};

describe('the programs a node looks for before anything is written', () => {
  test('are all that its steps then call', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(100 * MIB);
    const golden = await fillGolden(bench);
    const plan = await planOn(device);
    await run('truncate', ['--size=8M', join(bench.directory, 'raw.img')]);
    const needed = toolsFor([...prepareSteps, ...finishSteps], plan, { reboot: false });
    // dd is the golden's side of the raw stream, which runs in this process too.
    await withOnly(join(bench.directory, 'bin'), [...needed, 'dd'], () =>
      cloneFrom(golden, plan, bench),
    );
    expect(bench.log.join('\n')).not.toMatch(/is not installed/);
  });

  test('are each missed, and the disk is untouched', async () => {
    await using bench = await makeBench();
    const { device, image } = await bench.disk(100 * MIB);
    const plan = await planOn(device);
    const before = await sha256(image);
    const needed = toolsFor([...prepareSteps, ...finishSteps], plan, { reboot: true });
    expect(needed.toSorted()).toEqual([
      ...['blkid', 'blockdev', 'chroot', 'mkfs.ext4', 'mknod', 'mkswap', 'mount', 'nsenter'],
      ...['partx', 'rsync', 'sfdisk', 'sync', 'tar', 'umount', 'wipefs', 'zstd'],
    ]);
    const bin = join(bench.directory, 'bin');
    for (const tool of needed.filter((name) => name !== 'sync')) {
      const rest = needed.filter((name) => name !== tool);
      const work = withOnly(bin, rest, () =>
        runSteps(prepareSteps, bench.context(plan), () => undefined),
      );
      await expect(work).rejects.toMatchObject({
        code: 'ToolMissing',
        message: expect.stringMatching(new RegExp(`^${tool} not installed on this node`)),
      });
      await rm(bin, { recursive: true });
    }
    expect(await sha256(image)).toBe(before);
  });

  test('are fewer for less', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(100 * MIB);
    const plan = await planOn(device);
    const steps = [...prepareSteps, ...finishSteps];
    const without = (other: Partial<ClonePlan>) => {
      const left = toolsFor(steps, { ...plan, ...other }, { reboot: false });
      return toolsFor(steps, plan, { reboot: false }).filter((tool) => !left.includes(tool));
    };
    expect(without({ mayBeCompressed: false })).toEqual(['zstd']);
    expect(without({ streams: [raw] })).toEqual(['tar', 'sync', 'rsync', 'chroot']);
  });

  test('are few where a directory is cloned into', async () => {
    const plan = clonePlan([], { streams: [files] });
    const steps = [...directoryPrepareSteps, ...directoryFinishSteps];
    expect(toolsFor(steps, plan, { reboot: false })).toEqual(['tar', 'sync', 'zstd', 'rsync']);
    await using bench = await makeBench();
    const work = withOnly(join(bench.directory, 'bin'), ['tar', 'zstd', 'sync'], () =>
      runSteps(directoryPrepareSteps, bench.context(plan), () => undefined),
    );
    await expect(work).rejects.toMatchObject({
      code: 'ToolMissing',
      message: expect.stringMatching(/^rsync not installed/),
    });
  });
});
