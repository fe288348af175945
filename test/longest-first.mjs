import TestSequencer from '@jest/test-sequencer';

/** Files that wait much: begun last, they would run alone at the end. */
const LONG = ['session/debian', 'images/netboot-serve', 'session/admission', 'session/bad-input'];

/** The longest first, also where no run before this one has measured them. */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const place = LONG.findIndex((name) => path.includes(name));
      return place === -1 ? LONG.length : place;
    };
    return super.sort(tests).toSorted((a, b) => rank(a) - rank(b));
  }
}
