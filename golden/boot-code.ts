/** Boot code of a disk (`-m`, `-M`). */
import { open } from 'node:fs/promises';
import { NamedError } from '../system/named-error.ts';

/** Bytes of a boot sector before the disk's own id, which is no code. */
const BOOT_CODE_BYTES = 440;

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
    if (bytesRead < BOOT_CODE_BYTES)
      throw fail(`it has only ${bytesRead} of ${BOOT_CODE_BYTES} bytes`);
    return buffer.toString('base64');
  } finally {
    await file.close();
  }
};
