/** Step: look at the disks again and refuse before anything is written. */
import type { DiskPlan } from '../desc/clone-plan.ts';
import type { DiskFacts } from '../desc/facts.ts';
import { PROBE_TOOLS, probeDisk } from '../desc/probe.ts';
import { NamedError } from '../system/named-error.ts';
import { finished, type Step } from './step.ts';

export const checkDiskStep: Step = {
  name: 'check disk',
  timeoutMs: 60 * 1000,
  tools: () => PROBE_TOOLS,
  run: async ({ plan, log, signal }) => {
    for (const disk of plan.disks) {
      const facts = await probeDisk(disk.device, disk.name, { signal, log });
      log(
        `${disk.device}: ${facts.sizeBytes} bytes, sectors of ${facts.sectorBytes}, table ${facts.table}`,
      );
      refuseUnlessAsPlanned(disk, facts);
    }
    return finished(plan.disks.map((disk) => disk.device).join(', '));
  },
};

/** Throws when the disk is not the one the plan was made for, or must not be touched. */
export const refuseUnlessAsPlanned = (disk: DiskPlan, facts: DiskFacts): void => {
  const where = `${disk.device} (${disk.name})`;
  if (facts.readOnly) {
    throw new NamedError('DiskReadOnly', `${where} is read-only; make it writable`);
  }
  if (facts.inUse.length > 0) {
    throw new NamedError(
      'DiskInUse',
      `${where} is in use: ${facts.inUse.join(', ')}; release it or name another disk`,
    );
  }
  const differences = [
    difference('bytes', disk.sizeBytes, facts.sizeBytes),
    difference('bytes a sector', disk.sectorBytes, facts.sectorBytes),
    disk.serial === undefined ? null : difference('serial number', disk.serial, facts.serial),
  ].filter((line) => line !== null);
  if (differences.length > 0) {
    throw new NamedError(
      'DiskMismatch',
      `${where} is not the disk of the plan: ${differences.join('; ')}; plan again for this disk`,
    );
  }
  refuseUnlessKeptInPlace(disk, facts);
};

const difference = <T>(what: string, planned: T, found: T): string | null =>
  planned === found ? null : `${what} ${planned} planned, ${found ?? 'none'} found`;

/** A kept partition must already be where the plan has it, or its data would be lost. */
const refuseUnlessKeptInPlace = (disk: DiskPlan, facts: DiskFacts): void => {
  for (const { number, startSector, sizeSectors, content, role } of disk.partitions) {
    if (content !== 'keep' || role === 'extended') continue;
    const there = facts.partitions.find((partition) => partition.number === number);
    if (there?.startSector === startSector && there.sizeSectors === sizeSectors) continue;
    const found = there
      ? `starts at sector ${there.startSector} with ${there.sizeSectors} sectors`
      : 'does not exist';
    throw new NamedError(
      'KeptPartitionMoved',
      `partition ${number} of ${disk.device} is to be kept at sector ${startSector} with ${sizeSectors} sectors, but ${found}; correct the description`,
    );
  }
};
