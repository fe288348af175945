import type { DiskFacts } from '../../../desc/facts.ts';

/** An empty disk that may be written to. */
export const emptyDisk = (sizeBytes: number, changes: Partial<DiskFacts> = {}): DiskFacts => ({
  name: 'sda',
  device: '/dev/sda',
  sizeBytes,
  sectorBytes: 512,
  readOnly: false,
  inUse: [],
  table: 'none',
  partitions: [],
  ...changes,
});
