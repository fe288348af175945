/** Boot code of a disk (`-m`, `-M`): 446 bytes, as people keep them; a node writes the first 440. */
import { open } from 'node:fs/promises';
import { NamedError } from '../system/named-error.ts';

/** Bytes of an msdos boot sector before the partition table. */
const BOOT_CODE_BYTES = 446;

/** Reads the boot code of a drive or file, as base64. Throws `NoBootCode`. */
export const readBootCode = async (path: string): Promise<string> => {
  const fail = (why: string) =>
    new NamedError('NoBootCode', `cannot take boot code from ${path}: ${why}`);
  const file = await open(path, 'r').catch((error: Error) => {
    throw fail(error.message);
  });
  try {
    const { bytesRead, buffer } = await file.read(
      Buffer.alloc(BOOT_CODE_BYTES),
      0,
      BOOT_CODE_BYTES,
      0,
    );
    if (bytesRead < BOOT_CODE_BYTES) throw fail(`it has only ${bytesRead} of 446 bytes`);
    return buffer.toString('base64');
  } finally {
    await file.close();
  }
};
