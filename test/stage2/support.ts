/** Loop disks, plans and contexts for the tests of the steps. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { attachLoop, detachLoop, makeBlankImage } from '../../demo/loop-disk.ts';
import type { ClonePlan, DiskPlan, StreamPlan } from '../../desc/clone-plan.ts';
import type { PartitionSpec } from '../../desc/model.ts';
import { planDisk } from '../../desc/plan.ts';
import { probeDisk } from '../../desc/probe.ts';
import type { ByteSource } from '../../relay/byte-source.ts';
import { cleanUp } from '../../stage2/clean-up.ts';
import { openSink } from '../../stage2/receive.ts';
import type { SettleSource, StepContext } from '../../stage2/step.ts';
import { openSource, type SourceStream } from '../../streams/source.ts';
import { makeTempDir } from '../support/temp-dir.ts';

export const MIB = 1024 * 1024;

/** Everything a test of steps needs; taken down again with `await using`. */
export interface Bench extends AsyncDisposable {
  directory: string;
  /** Where the clone is mounted. */
  target: string;
  log: string[];
  disk(bytes: number, sectorBytes?: number): Promise<{ device: string; image: string }>;
  context(plan: ClonePlan, settle?: SettleSource | null, signal?: AbortSignal): StepContext;
}

export const makeBench = async (): Promise<Bench> => {
  const temp = await makeTempDir();
  const target = join(temp.path, 'target');
  await mkdir(target);
  const log: string[] = [];
  const loops: string[] = [];
  return {
    directory: temp.path,
    target,
    log,
    disk: async (bytes, sectorBytes) => {
      const image = join(temp.path, `disk${loops.length}.img`);
      await makeBlankImage(image, bytes);
      const device = await attachLoop(image, sectorBytes ? { sectorBytes } : {});
      loops.push(device);
      return { device, image };
    },
    context: (plan, settle = null, signal = new AbortController().signal) => ({
      plan,
      target,
      signal,
      log: (line) => log.push(line),
      progress: () => undefined,
      settle,
      home: null,
      reboot: false,
    }),
    [Symbol.asyncDispose]: async () => {
      await cleanUp({ target, log: (line) => log.push(line) });
      for (const loop of loops) await detachLoop(loop);
      await temp[Symbol.asyncDispose]();
    },
  };
};

/** A partition as a description has it; size in MiB or null for the rest. */
export const partition = (
  number: number,
  sizeMib: number | null,
  more: Partial<PartitionSpec> = {},
): PartitionSpec => ({
  number,
  role: number > 4 ? 'logical' : 'primary',
  size: sizeMib === null ? { kind: 'fill' } : { kind: 'bytes', bytes: sizeMib * MIB },
  type: '83',
  flags: [],
  content: 'empty',
  ...more,
});

export const GPT_LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

export const planFor = async (
  device: string,
  table: 'msdos' | 'gpt',
  partitions: PartitionSpec[],
): Promise<DiskPlan> =>
  planDisk({ name: 'sda', table, partitions }, await probeDisk(device, 'sda'));

export const clonePlan = (disks: DiskPlan[], more: Partial<ClonePlan> = {}): ClonePlan => ({
  hostname: 'node01',
  goldenHostname: 'golden',
  disks,
  streams: [],
  mayBeCompressed: true,
  exclude: [],
  bootloader: { kind: 'none', firmware: 'bios', initramfsModules: [], initramfsOptions: [] },
  bootCode: {},
  ...more,
});

/** Sends one source into one sink, as the chain does, but without a chain. */
export const copyStream = async (
  source: Omit<SourceStream, 'level'>,
  stream: StreamPlan,
  context: StepContext,
): Promise<number> => {
  const { kind, encoding } = source;
  const opened = openSource({ ...source, level: 1 }, context);
  const sink = openSink(stream, { kind, encoding }, context);
  await pourChunks(opened, (chunk) => sink.write([chunk]));
  await sink.end();
  return opened.sourceBytes;
};

/** Gives what a source pours to `take`, one read at a time. */
export const pourChunks = (
  source: ByteSource,
  take: (chunk: Buffer) => Promise<void>,
): Promise<void> => {
  const memory = Buffer.alloc(MIB);
  return source.pour({ space: () => memory, filled: (bytes) => take(memory.subarray(0, bytes)) });
};

export const sha256 = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
};
