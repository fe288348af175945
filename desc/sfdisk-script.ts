/** A plan in sfdisk's own script language. */
import type { DiskPlan, PartitionPlan } from './clone-plan.ts';

/**
 * Input for `sfdisk DEVICE`: every number, id and type explicit, so that
 * sfdisk decides nothing. Sectors are those of the device.
 */
export const planToSfdisk = ({ table, tableId, partitions }: DiskPlan): string => {
  const head = [
    `label: ${table === 'msdos' ? 'dos' : 'gpt'}`,
    `label-id: ${tableId}`,
    'unit: sectors',
  ];
  // By number: sfdisk must know the extended partition before the logical ones.
  const lines = partitions
    .toSorted((a, b) => a.number - b.number)
    .map((partition) => line(table, partition));
  return [...head, '', ...lines, ''].join('\n');
};

const line = (table: DiskPlan['table'], partition: PartitionPlan): string => {
  const { number, startSector, sizeSectors, type, partUuid, name, flags } = partition;
  const fields = [`start=${startSector}`, `size=${sizeSectors}`, `type=${type}`];
  if (table === 'gpt' && partUuid !== undefined) fields.push(`uuid=${partUuid}`);
  if (name) fields.push(`name="${escaped(name)}"`);
  if (table === 'msdos' && flags.includes('boot')) fields.push('bootable');
  if (table === 'gpt' && flags.length > 0) fields.push(`attrs="${attributes(flags)}"`);
  return `${number} : ${fields.join(', ')}`;
};

/** sfdisk reads \xHH for each byte that would end or break its quotes. */
const escaped = (name: string): string =>
  [...Buffer.from(name)]
    .map((byte) =>
      /[A-Za-z0-9 ._-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');

/** Named attributes first, then the bits 48 to 63 as one GUID: list. */
const attributes = (flags: readonly string[]): string => {
  const bits = flags.filter((flag) => /^\d+$/.test(flag));
  const names = flags.filter((flag) => !/^\d+$/.test(flag));
  return [...names, ...(bits.length > 0 ? [`GUID:${bits.join(',')}`] : [])].join(',');
};
