/** Prints a disk in the classic grammar. */
import { NamedError } from '../system/named-error.ts';
import type { DiskSpec, PartitionSpec } from './model.ts';
import { MIB } from './sizes.ts';

/** Why the classic grammar cannot say this disk's layout; undefined when it can. */
export const classicObstacle = ({ table, partitions }: DiskSpec): string | undefined => {
  if (table !== 'msdos') return 'classic knows msdos tables only';
  let primary = 1;
  for (const { number, role, size, content } of partitions) {
    const expected = role === 'logical' ? number : primary++;
    if (number !== expected) return `partition ${number} is not in the order of the numbers`;
    if (size.kind === 'percent') return `partition ${number} has its size in percent`;
    if (size.kind === 'bytes' && size.bytes < MIB) return `partition ${number} is below 1 MiB`;
    if (content === 'raw') return `partition ${number} is to be copied byte by byte`;
    if (content === 'keep') return `partition ${number} is to be kept`;
  }
  return undefined;
};

/**
 * The disk as a classic desc file. Sizes go down to whole MiB, as the
 * original's did. File systems, mount points, flags and content are not said:
 * they come from the golden. Throws `NamedError` `NotClassic`.
 */
export const toClassic = (disk: DiskSpec): string => {
  const obstacle = classicObstacle(disk);
  if (obstacle !== undefined) {
    throw new NamedError('NotClassic', `${disk.name}: ${obstacle}; use the YAML format`);
  }
  const lines = disk.partitions.map((partition) => `${words(partition).join(' ')}\n`);
  return `# ${disk.name}\n${lines.join('')}`;
};

const words = ({ role, type, size }: PartitionSpec): string[] => [
  ...(role === 'logical' ? ['logical'] : []),
  role === 'extended' ? 'extended' : typeWord(type),
  size.kind === 'bytes' ? String(Math.floor(size.bytes / MIB)) : 'fill',
];

const typeWord = (type: string): string => {
  if (type === '83') return 'linux';
  return type === '82' ? 'swap' : `type${type}`;
};
