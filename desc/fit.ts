/** Whether what the golden has fits into a partition of so many bytes. */
import { NamedError } from '../system/named-error.ts';
import type { GoldenRef } from './golden-disk.ts';
import type { PartitionSpec } from './model.ts';
import { shownApart } from './sizes.ts';

/** Throws `PartitionTooSmall`, naming both partitions and both sizes. */
export const checkFit = (
  disk: string,
  partition: PartitionSpec,
  bytes: number,
  golden: GoldenRef | undefined,
): void => {
  const needed = partition.content === 'raw' ? golden?.sizeBytes : golden?.usedBytes;
  const copies = partition.content === 'raw' || partition.content === 'files';
  if (!golden || !copies || needed === undefined || bytes >= needed) return;
  const what = partition.content === 'raw' ? 'its raw copy is' : 'its files take';
  const mount = partition.mount === undefined ? '' : ` (${partition.mount})`;
  const [has, takes] = shownApart(bytes, needed);
  throw new NamedError(
    'PartitionTooSmall',
    `partition ${partition.number}${mount} of ${disk} has ${has}, but of the golden's ${golden.device} ${what} ${takes}; give it more space in the description`,
  );
};
