/** What must hold for anything that was let in from somebody else. */
import { isPrintable } from '../../../system/printable.ts';
import { mustBe } from '../target.ts';

/** Longest text of any message: the last lines of a command. */
const MOST_TEXT = 64 * 2001;

const isPlain = (value: object): boolean =>
  Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;

/**
 * Throws unless every text in `value`, names of members included, is shown by a
 * terminal and bounded, and every number is one JSON can say. `others`: members
 * whose shape belongs to somebody else, who checks it.
 */
export const mustBeTame = (value: unknown, others: readonly string[] = [], at = ''): void => {
  if (typeof value === 'string') {
    mustBe(value.split('\n').every(isPrintable), `${at} is not printable`);
    mustBe(value.length <= MOST_TEXT, `${at} has ${value.length} characters`);
  } else if (typeof value === 'number') {
    mustBe(Number.isFinite(value), `${at} is ${value}`);
  } else if (typeof value === 'object' && value !== null) {
    mustBe(isPlain(value), `${at} has another prototype`);
    for (const [name, member] of Object.entries(value)) {
      if (others.includes(name)) continue;
      mustBeTame(name, [], `a name in ${at}`);
      mustBeTame(member, others, `${at}.${name}`);
    }
  }
};
