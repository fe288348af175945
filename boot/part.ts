/** What a system must have for something, and the places where it may be. */
import { existsInside } from '../system/inside.ts';

export interface Part {
  /** As told to an operator: "grub-install", "mbr.bin". */
  what: string;
  /** Paths inside the system; one of them is enough. */
  places: readonly string[];
}

/** Where a clone's own tools are looked for when they are run. */
export const PROGRAM_PLACES = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** A program under any of these names. */
export const program = (...names: readonly [string, ...string[]]): Part => ({
  what: names.join(' or '),
  places: names.flatMap((name) => PROGRAM_PLACES.map((place) => `${place}/${name}`)),
});

/** The first of the places that is there in the system in `root`, or null. */
export const findPart = async (root: string, { places }: Part): Promise<string | null> => {
  for (const place of places) if (await existsInside(root, place)) return place;
  return null;
};

/** Those the system in `root` lacks. */
export const missingParts = async (root: string, parts: readonly Part[]): Promise<Part[]> => {
  const missing: Part[] = [];
  for (const part of parts) if ((await findPart(root, part)) === null) missing.push(part);
  return missing;
};
