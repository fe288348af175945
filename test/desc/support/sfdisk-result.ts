/** What sfdisk made of a plan, in the plan's own words. */
import type { DiskPlan } from '../../../desc/clone-plan.ts';
import { planToSfdisk } from '../../../desc/plan.ts';
import { run } from '../../../system/run.ts';

interface Dump {
  partitiontable: {
    label: string;
    id: string;
    sectorsize: number;
    partitions?: {
      node: string;
      start: number;
      size: number;
      type: string;
      uuid?: string;
      name?: string;
      attrs?: string;
      bootable?: boolean;
    }[];
  };
}

export const applyPlan = async (plan: DiskPlan): Promise<void> => {
  await run('sfdisk', ['--no-reread', '--no-tell-kernel', plan.device], {
    input: planToSfdisk(plan),
  });
};

/** `sfdisk --json` of the plan's device. Independent of the code that probes disks. */
export const tableOnDisk = async (device: string): Promise<unknown> => {
  const { stdout } = await run('sfdisk', ['--json', device]);
  const { partitiontable: table }: Dump = JSON.parse(stdout);
  return {
    table: table.label,
    id: table.id.toLowerCase(),
    sectorBytes: table.sectorsize,
    partitions: (table.partitions ?? []).map((partition) => ({
      node: partition.node,
      start: partition.start,
      size: partition.size,
      type: partition.type.toUpperCase().padStart(2, '0'),
      uuid: partition.uuid?.toLowerCase(),
      name: partition.name,
      attributes: (partition.attrs ?? '').split(' ').filter(Boolean).sort(),
      bootable: partition.bootable ?? false,
    })),
  };
};

/** What `tableOnDisk` must give after `applyPlan`. */
export const tableOfPlan = (plan: DiskPlan): unknown => {
  const gpt = plan.table === 'gpt';
  return {
    table: gpt ? 'gpt' : 'dos',
    id: plan.tableId,
    sectorBytes: plan.sectorBytes,
    partitions: plan.partitions
      .toSorted((a, b) => a.number - b.number)
      .map(({ number, startSector, sizeSectors, type, partUuid, name, flags }) => {
        const bits = flags.filter((flag) => /^\d/.test(flag)).sort();
        const names = flags.filter((flag) => !/^\d/.test(flag));
        return {
          node: `${plan.device}${/\d$/.test(plan.device) ? 'p' : ''}${number}`,
          start: startSector,
          size: sizeSectors,
          type,
          uuid: gpt ? partUuid : undefined,
          name,
          attributes: gpt
            ? [...names, ...(bits.length > 0 ? [`GUID:${bits.join(',')}`] : [])].sort()
            : [],
          bootable: !gpt && flags.includes('boot'),
        };
      }),
  };
};
