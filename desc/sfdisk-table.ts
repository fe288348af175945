/** The partition table on a disk, as `sfdisk --json` reads it. */
import { z } from 'zod';
import { NamedError } from '../system/named-error.ts';
import { type RunOptions, run } from '../system/run.ts';

const SfdiskPartition = z.object({
  node: z.string(),
  start: z.int(),
  size: z.int(),
  type: z.string(),
  uuid: z.string().optional(),
  name: z.string().optional(),
  attrs: z.string().optional(),
  bootable: z.boolean().optional(),
});

const SfdiskTable = z.object({
  label: z.string(),
  id: z.string().optional(),
  sectorsize: z.int().optional(),
  partitions: z.array(SfdiskPartition).default([]),
});

export interface TablePartition {
  number: number;
  startSector: number;
  sizeSectors: number;
  /** As in `PartitionSpec.type`. */
  type: string;
  name?: string;
  /** As in `PartitionSpec.flags`. */
  flags: string[];
  partUuid?: string;
}

export interface Table {
  kind: 'msdos' | 'gpt' | 'other';
  id?: string;
  sectorBytes?: number;
  partitions: TablePartition[];
}

/** What it complains of stands in front of the JSON. */
const tableIn = (stdout: string): z.infer<typeof SfdiskTable> | undefined =>
  parseJson(z.object({ partitiontable: SfdiskTable }), stdout)?.partitiontable;

const parseJson = <T>(schema: z.ZodType<T>, text: string): T | undefined => {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** Null when there is no table. Errors: those of `run`, `TableUnreadable`. */
export const readTable = async (
  device: string,
  options: RunOptions = {},
): Promise<Table | null> => {
  const { stdout, stderr, exitCode } = await run('sfdisk', ['--json', device], {
    ...options,
    okExitCodes: [0, 1],
  });
  if (exitCode === 1) {
    // sfdisk has one exit status for "no table" and for "cannot read".
    if (stderr.includes('does not contain a recognized partition table')) return null;
    const why = stderr.trim().split('\n').at(-1) ?? '';
    throw new NamedError('TableUnreadable', `cannot read the partition table of ${device}: ${why}`);
  }
  const table = tableIn(stdout);
  if (!table) {
    const why = stdout.trim().split('\n')[0] ?? '';
    throw new NamedError('TableUnreadable', `cannot read the partition table of ${device}: ${why}`);
  }
  const kind = table.label === 'dos' ? 'msdos' : table.label === 'gpt' ? 'gpt' : 'other';
  return {
    kind,
    ...(table.id === undefined ? {} : { id: table.id.toLowerCase() }),
    ...(table.sectorsize === undefined ? {} : { sectorBytes: table.sectorsize }),
    partitions:
      kind === 'other' ? [] : table.partitions.map((entry) => toPartition(entry, kind, table.id)),
  };
};

const toPartition = (
  { node, start, size, type, uuid, name, attrs, bootable }: z.infer<typeof SfdiskPartition>,
  kind: 'msdos' | 'gpt',
  tableId: string | undefined,
): TablePartition => {
  const number = Number(/\d+$/.exec(node)?.[0]);
  const partUuid = kind === 'gpt' ? uuid?.toLowerCase() : tableId && msdosPartUuid(tableId, number);
  return {
    number,
    startSector: start,
    sizeSectors: size,
    type: kind === 'msdos' ? type.toUpperCase().padStart(2, '0') : type.toUpperCase(),
    ...(name === undefined ? {} : { name }),
    flags: [...(bootable ? ['boot'] : []), ...toFlags(attrs ?? '')],
    ...(partUuid === undefined ? {} : { partUuid }),
  };
};

/** "RequiredPartition GUID:48,63" → RequiredPartition, 48, 63. */
const toFlags = (attrs: string): string[] =>
  attrs.split(/[\s,]+/).flatMap((word) => word.replace(/^GUID:/, '') || []);

/**
 * The kernel's PARTUUID for a msdos partition: table id without 0x, dash,
 * number as two hex digits (block/partitions/msdos.c).
 */
export const msdosPartUuid = (tableId: string, number: number): string =>
  `${tableId.replace(/^0x/, '')}-${number.toString(16).padStart(2, '0')}`.toLowerCase();
