/** A directory below the target of a node that clones into a directory. */
import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { NamedError } from '../system/named-error.ts';

/**
 * Makes the directories of `mount` (a clean absolute path) below `target` and
 * returns the last. Throws `OutsideTarget` where one of them is a link: what
 * was cloned before must not lead the rest out of the target.
 */
export const placeInside = (target: string, mount: string): string => {
  let place = target;
  for (const part of mount.split('/').filter((name) => name !== '')) {
    place = join(place, part);
    const found = lstatSync(place, { throwIfNoEntry: false });
    if (found === undefined) mkdirSync(place);
    else if (!found.isDirectory()) {
      throw new NamedError(
        'OutsideTarget',
        `${place} is not a directory of its own, so ${mount} cannot be cloned into it; remove it`,
      );
    }
  }
  return place;
};
