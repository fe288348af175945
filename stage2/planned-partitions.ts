/** The partitions of a plan with their devices. */
import type { ClonePlan, DiskPlan, PartitionPlan } from '../desc/clone-plan.ts';
import { partitionDevice } from '../desc/partition-device.ts';
import { NamedError } from '../system/named-error.ts';

export interface PlannedPartition {
  disk: DiskPlan;
  partition: PartitionPlan;
  /** Device node path: /dev/sda1. */
  device: string;
}

/** Every partition of the plan with its device, in the order of the tables. */
export const plannedPartitions = (plan: ClonePlan): PlannedPartition[] =>
  plan.disks.flatMap((disk) =>
    disk.partitions.map((partition) => ({
      disk,
      partition,
      device: partitionDevice(disk.device, partition.number),
    })),
  );

/** The partition a stream or a bootloader speaks of; `PlanBroken` when the plan has no such one. */
export const findPartition = (plan: ClonePlan, disk: string, number: number): PlannedPartition => {
  const found = plannedPartitions(plan).find(
    (planned) => planned.disk.name === disk && planned.partition.number === number,
  );
  if (!found) {
    throw new NamedError(
      'PlanBroken',
      `the plan has no partition ${number} on ${disk}; plan again`,
    );
  }
  return found;
};
