/** Reasons not to touch a disk at all. */
import { NamedError } from '../system/named-error.ts';
import type { DiskFacts } from './facts.ts';
import type { DiskSpec } from './model.ts';
import { shownBytes } from './sizes.ts';

/** "sda (/dev/loop3)". */
export const diskTitle = (spec: DiskSpec, facts: DiskFacts): string =>
  facts.device === `/dev/${spec.name}` ? spec.name : `${spec.name} (${facts.device})`;

/** Throws `DiskReadOnly`, `DiskInUse` or `DiskMismatch`. */
export const refuseUntouchable = (spec: DiskSpec, facts: DiskFacts): void => {
  const title = diskTitle(spec, facts);
  if (facts.readOnly) {
    throw new NamedError('DiskReadOnly', `${title} is read-only; remove the write protection`);
  }
  if (facts.inUse.length > 0) {
    const uses = facts.inUse.join(', ');
    throw new NamedError(
      'DiskInUse',
      `${title} is in use: ${uses}; free it or choose another disk`,
    );
  }
  const differences = mismatches(spec.match ?? {}, facts);
  if (differences.length > 0) {
    throw new NamedError(
      'DiskMismatch',
      `${title} is not the disk described: ${differences.join(', ')}; correct match in the description or choose another disk`,
    );
  }
};

const mismatches = (match: NonNullable<DiskSpec['match']>, facts: DiskFacts): string[] => {
  const texts = (['serial', 'model', 'wwn'] as const).flatMap((field) => {
    const wanted = match[field];
    if (wanted === undefined || facts[field] === wanted) return [];
    return [`${field} is ${facts[field] ?? 'unknown'}, wanted ${wanted}`];
  });
  const { minBytes, maxBytes } = match;
  const size = shownBytes(facts.sizeBytes);
  if (minBytes !== undefined && facts.sizeBytes < minBytes) {
    texts.push(`size is ${size}, wanted at least ${shownBytes(minBytes)}`);
  }
  if (maxBytes !== undefined && facts.sizeBytes > maxBytes) {
    texts.push(`size is ${size}, wanted at most ${shownBytes(maxBytes)}`);
  }
  return texts;
};
