/**
 * Path of partition `n` of a disk, by the kernel's rule (`disk_name` in
 * block/genhd.c): a `p` between when the disk's own name ends in a digit.
 */
export const partitionDevice = (disk: string, n: number): string =>
  /\d$/.test(disk) ? `${disk}p${n}` : `${disk}${n}`;
