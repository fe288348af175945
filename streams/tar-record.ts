/**
 * One read or write of tar: 256 KiB. Its default of 10 KiB costs a system call
 * each. Both ends must say the same: a reader with smaller records stops at the
 * archive's end mark and leaves the padding of the last record in the pipe.
 */
export const TAR_RECORD_BYTES = 256 * 1024;

/** The same in the unit of `--blocking-factor`. */
export const TAR_BLOCKING_FACTOR = TAR_RECORD_BYTES / 512;
