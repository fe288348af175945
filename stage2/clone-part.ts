/** Parts of a boot loader in the clone. The golden had them when the session began. */
import { findPart, missingParts, type Part } from '../boot/part.ts';
import { NamedError } from '../system/named-error.ts';

/** Throws `BootloaderMissing` naming all of `parts` the clone has not. */
export const requireInClone = async (root: string, parts: readonly Part[]): Promise<void> => {
  const missing = await missingParts(root, parts);
  if (missing.length > 0) throw missingInClone(missing.map(({ what }) => what).join(', '));
};

/** Path of a part inside the clone. Throws `BootloaderMissing`. */
export const partOfClone = async (root: string, part: Part): Promise<string> => {
  const found = await findPart(root, part);
  if (found === null) throw missingInClone(part.what);
  return found;
};

export const missingInClone = (what: string): NamedError =>
  new NamedError(
    'BootloaderMissing',
    `the clone has no ${what}; clone what holds it on the golden too, or choose another boot loader`,
  );
