/** Which disk of a node is the one described, when none there has its name. */
import type { DiskFacts } from '../desc/facts.ts';
import type { GoldenRefs } from '../desc/golden-disk.ts';
import type { Description, DiskSpec } from '../desc/model.ts';
import { planDisk } from '../desc/plan.ts';
import { shownBytes } from '../desc/sizes.ts';
import { NamedError } from '../system/named-error.ts';

export interface ChosenDisk {
  spec: DiskSpec;
  facts: DiskFacts;
  /** Why it is taken under a name that is not its own; undefined when it has the name. */
  why: string | undefined;
}

/** Nothing is lost with it: there is nothing known on it, or what ka put there. */
const mayBeErased = ({ table, signatures, writtenByKa }: DiskFacts): boolean =>
  writtenByKa === true || (table === 'none' && signatures?.length === 0);

/** Why a disk is not taken unasked; undefined when it may be. */
const obstacle = (facts: DiskFacts): string | undefined => {
  if (facts.inUse.length > 0) return facts.inUse[0];
  if (facts.readOnly) return 'read-only';
  if (facts.removable !== false) return facts.removable ? 'removable' : 'perhaps removable';
  if (mayBeErased(facts)) return undefined;
  const what = facts.table === 'none' ? (facts.signatures?.join(', ') ?? 'unknown') : facts.table;
  return `not blank: ${what}`;
};

/** Name of what keeps the description off it, were it free; undefined when it fits. */
const misfit = (spec: DiskSpec, facts: DiskFacts, refs: GoldenRefs): string | undefined => {
  try {
    planDisk(spec, { ...facts, inUse: [], readOnly: false }, { refs });
    return undefined;
  } catch (error) {
    if (error instanceof NamedError) return error.code;
    throw error;
  }
};

const describeDisk = (spec: DiskSpec, facts: DiskFacts, refs: GoldenRefs): string => {
  const wrong = misfit(spec, facts, refs);
  const blank = facts.writtenByKa ? 'written by ka' : 'blank';
  const why = obstacle(facts) ?? (wrong ? `does not fit (${wrong})` : blank);
  return `${facts.name}: ${shownBytes(facts.sizeBytes)}, ${why}`;
};

/** Of one piece of hardware, not of a kind: who wrote it meant this disk. */
const hasIdentity = ({ match }: DiskSpec): boolean =>
  match?.serial !== undefined || match?.wwn !== undefined || match?.model !== undefined;

/**
 * The disk of a node for each described one. It has the name; or it is the only
 * one that is as `match` says by serial number, wwn or model; or, where one disk
 * is described, it is the only one it fits on, and nothing is lost with it.
 * Removable ones are not counted then.
 *
 * Throws `NoSuchDisk`, with all disks there and how to say which.
 */
export const chooseDisks = (
  { disks: described }: Description,
  there: readonly DiskFacts[],
  refs: GoldenRefs,
): ChosenDisk[] => {
  const named = (spec: DiskSpec) => there.find(({ name }) => name === spec.name);
  const taken = new Set(described.flatMap((spec) => named(spec) ?? []));
  return described.map((spec) => {
    const own = named(spec);
    if (own) return { spec, facts: own, why: undefined };
    const free = there.filter((facts) => !taken.has(facts));
    const chosen = hasIdentity(spec)
      ? onlyOne(spec, free, refs)
      : described.length === 1
        ? onlyBlank(spec, free, refs)
        : undefined;
    if (!chosen) throw noSuchDisk(spec, there, refs);
    taken.add(chosen);
    const what = hasIdentity(spec)
      ? 'as match says'
      : chosen.writtenByKa
        ? 'written by ka'
        : 'blank';
    return { spec, facts: chosen, why: `its ${chosen.name} (${what}) is taken as ${spec.name}` };
  });
};

const onlyOne = (
  spec: DiskSpec,
  free: readonly DiskFacts[],
  refs: GoldenRefs,
): DiskFacts | undefined => {
  const [first, second] = free.filter((facts) => misfit(spec, facts, refs) === undefined);
  return second ? undefined : first;
};

const onlyBlank = (
  spec: DiskSpec,
  free: readonly DiskFacts[],
  refs: GoldenRefs,
): DiskFacts | undefined => {
  const fixed = free.filter(({ removable }) => removable !== true);
  const only = onlyOne(spec, fixed, refs);
  return only && obstacle(only) === undefined ? only : undefined;
};

const noSuchDisk = (spec: DiskSpec, there: readonly DiskFacts[], refs: GoldenRefs): NamedError => {
  const { name } = spec;
  const disks =
    there.map((facts) => describeDisk(spec, facts, refs)).join('; ') || 'no disk at all';
  const example = there.find((facts) => facts.removable !== true)?.name ?? 'nvme0n1';
  return new NamedError(
    'NoSuchDisk',
    `this node has no disk ${name}, but ${disks}; say which one with disk=${name}:${example} on its kernel line, ka agent --disk ${name}=/dev/${example}, or match in the description`,
  );
};
