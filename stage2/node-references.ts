/** By which names the node's own partitions are found: device, UUID, label, partition id. */
import type { ClonePlan, DiskPlan, PartitionPlan } from '../desc/clone-plan.ts';
import { msdosPartUuid } from '../desc/sfdisk-table.ts';
import { run } from '../system/run.ts';
import { isFormatted } from './mkfs.ts';
import { type PlannedPartition, plannedPartitions } from './planned-partitions.ts';
import type { StepContext } from './step.ts';

export interface NodeReference extends PlannedPartition {
  /** File-system type, UUID and label, where it has one. */
  type: string | undefined;
  uuid: string | undefined;
  label: string | undefined;
  /** PARTUUID as Linux has it: gpt GUID in lower case; msdos "signature-NN". */
  partUuid: string | undefined;
}

/** Programs that are called for it. */
export const REFERENCE_TOOLS: readonly string[] = ['blkid'];

/** One reference for each planned partition. Copied and kept file systems are asked; of made ones the plan knows. */
export const nodeReferences = async (
  plan: ClonePlan,
  { log, signal }: Pick<StepContext, 'log' | 'signal'>,
): Promise<NodeReference[]> => {
  const references: NodeReference[] = [];
  for (const planned of plannedPartitions(plan)) {
    const { disk, partition, device } = planned;
    if (isFormatted(partition)) {
      const { type, uuid, label } = partition.filesystem;
      references.push({ ...planned, type, uuid, label, partUuid: partUuidOf(disk, partition) });
      continue;
    }
    const found =
      partition.role === 'extended' ? {} : await probeSignature(device, { log, signal });
    references.push({
      ...planned,
      type: found.TYPE,
      uuid: found.UUID,
      label: found.LABEL,
      partUuid: partUuidOf(disk, partition) ?? found.PART_ENTRY_UUID,
    });
  }
  return references;
};

/** msdos tables have no ids of their own for partitions; Linux makes them from the disk signature. */
const partUuidOf = (disk: DiskPlan, partition: PartitionPlan): string | undefined => {
  const id =
    disk.table === 'gpt' ? partition.partUuid : msdosPartUuid(disk.tableId, partition.number);
  return id?.toLowerCase();
};

/** blkid's exit status for "nothing recognised". */
const BLKID_NOTHING = 2;

/** What is really on a device, read from it and not from a cache: TYPE, UUID, LABEL, PART_ENTRY_UUID … */
export const probeSignature = async (
  device: string,
  { log, signal }: Pick<StepContext, 'log' | 'signal'>,
): Promise<Record<string, string>> => {
  const { stdout } = await run('blkid', ['--probe', '--output', 'export', device], {
    log,
    signal,
    okExitCodes: [0, BLKID_NOTHING],
  });
  return Object.fromEntries(
    stdout
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => {
        const at = line.indexOf('=');
        // blkid escapes unsafe characters with a backslash here.
        return [line.slice(0, at), line.slice(at + 1).replace(/\\(.)/g, '$1')];
      }),
  );
};
