/** Step: write the partition tables and have the kernel see them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DiskPlan } from '../desc/clone-plan.ts';
import { partitionDevice } from '../desc/partition-device.ts';
import { planToSfdisk } from '../desc/plan.ts';
import { readTable } from '../desc/sfdisk-table.ts';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { writeBootCode } from './boot-sector.ts';
import { ensureNode, kernelPartitions } from './kernel-partitions.ts';
import { finished, type Step, type StepContext } from './step.ts';

type Commands = Pick<StepContext, 'log' | 'signal'>;

export const partitionStep: Step = {
  name: 'partition',
  timeoutMs: 5 * 60 * 1000,
  tools: () => ['wipefs', 'sfdisk', 'partx', 'mknod'],
  run: async ({ plan, log, signal, progress }) => {
    for (const disk of plan.disks) {
      progress(`${disk.table} table on ${disk.device}`);
      await writeTable(disk, { log, signal });
      await showKernel(disk, { log, signal });
      await wipeNewPartitions(disk, { log, signal });
      const code = plan.bootCode[disk.name];
      if (code !== undefined) await writeBootCode(disk, Buffer.from(code, 'base64'));
    }
    return finished(
      plan.disks
        .map(
          ({ device, table, partitions }) => `${device}: ${table}, ${partitions.length} partitions`,
        )
        .join('; '),
    );
  },
};

/**
 * Old signatures of the whole disk (a file system without a table, md, the
 * spare copy of a gpt) go first: sfdisk wipes only those at the places it
 * writes. A disk that keeps data is written without any wiping by sfdisk, as
 * that would also hit the kept partitions.
 */
const writeTable = async (disk: DiskPlan, { log, signal }: Commands): Promise<void> => {
  if (disk.keepsData) {
    if (await tableIsAsPlanned(disk, { log, signal })) {
      log(`${disk.device}: the table is already as planned and is left alone`);
      return;
    }
  } else {
    await forgetOldPartitions(disk, { log, signal });
    await run('wipefs', ['--all', '--force', disk.device], { log, signal });
  }
  const wipe = disk.keepsData ? 'never' : 'always';
  await run(
    'sfdisk',
    [
      // The kernel is told by partx below: re-reading the whole table fails
      // on kernels without a table parser, and on disks with a partition in use.
      ...['--no-reread', '--no-tell-kernel'],
      ...['--wipe', wipe, '--wipe-partitions', wipe, disk.device],
    ],
    { log, signal, input: planToSfdisk(disk) },
  );
};

const forgetOldPartitions = async (disk: DiskPlan, { log, signal }: Commands): Promise<void> => {
  const old = await kernelPartitions(disk.device);
  for (const partition of old) {
    const device = await ensureNode(partition, { log, signal });
    await run('wipefs', ['--all', '--force', device], { log, signal });
  }
  if (old.length > 0) await run('partx', ['--delete', disk.device], { log, signal });
};

const tableIsAsPlanned = async (disk: DiskPlan, { log, signal }: Commands): Promise<boolean> => {
  const table = await readTable(disk.device, { log, signal });
  const shape = (
    partitions: readonly {
      number: number;
      startSector: number;
      sizeSectors: number;
      type: string;
    }[],
  ): string =>
    partitions
      .map(({ number, startSector, sizeSectors, type }) => [number, startSector, sizeSectors, type])
      .sort(([a = 0], [b = 0]) => Number(a) - Number(b))
      .join('\n')
      .toUpperCase();
  return table?.kind === disk.table && shape(table.partitions) === shape(disk.partitions);
};

const NODE_TRIES = 50;
const NODE_WAIT_MS = 100;

/** Makes kernel and device nodes follow the new table; throws `TableNotSeen` when they do not. */
const showKernel = async (disk: DiskPlan, { log, signal }: Commands): Promise<void> => {
  for (const { number } of await kernelPartitions(disk.device)) {
    if (disk.partitions.some((partition) => partition.number === number)) continue;
    await run('partx', ['--delete', '--nr', `${number}`, disk.device], { log, signal });
  }
  // Without --nr, partx stops counting at the number of partitions: with
  // primaries 1–3 and one logical 5 it would never come to 5.
  const highest = Math.max(...disk.partitions.map(({ number }) => number));
  await run('partx', ['--update', '--nr', `1:${highest}`, disk.device], { log, signal });
  for (let attempt = 1; ; attempt += 1) {
    const missing = await notSeenAsPlanned(disk);
    if (missing.length === 0) break;
    if (attempt === NODE_TRIES) {
      throw new NamedError(
        'TableNotSeen',
        `the kernel does not show ${missing.join(', ')} of ${disk.device} as written; restart the node`,
      );
    }
    await sleep(NODE_WAIT_MS, undefined, { signal });
  }
  for (const partition of await kernelPartitions(disk.device)) {
    await ensureNode(partition, { log, signal });
  }
};

const notSeenAsPlanned = async (disk: DiskPlan): Promise<string[]> => {
  const seen = await kernelPartitions(disk.device);
  return disk.partitions
    .filter(({ number, role, startSector, sizeSectors }) => {
      const partition = seen.find((candidate) => candidate.number === number);
      if (partition?.startBytes !== startSector * disk.sectorBytes) return true;
      // The kernel shows only the first sectors of an extended partition.
      return role !== 'extended' && partition.sizeBytes !== sizeSectors * disk.sectorBytes;
    })
    .map(({ number }) => `partition ${number}`);
};

/** Signatures left inside a new partition would make blkid and mount see ghosts. */
const wipeNewPartitions = async (disk: DiskPlan, { log, signal }: Commands): Promise<void> => {
  for (const { number, content, role } of disk.partitions) {
    if (content === 'keep' || role === 'extended') continue;
    await run('wipefs', ['--all', '--force', partitionDevice(disk.device, number)], {
      log,
      signal,
    });
  }
};
