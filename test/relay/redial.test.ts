import { expect, test } from '@jest/globals';
import { Redial } from '../../relay/redial.ts';

test('a lost upstream is reported once and dialled ever more slowly', () => {
  const redial = new Redial();
  const decisions = Array.from({ length: 6 }, () => redial.ended('lost', 0));
  expect(decisions.map(({ delayMs }) => delayMs)).toEqual([50, 100, 200, 400, 500, 500]);
  expect(decisions.map(({ report }) => report)).toEqual([
    'upstream-lost',
    null,
    null,
    null,
    null,
    null,
  ]);
});

test('bytes that arrive make a later loss news again', () => {
  const redial = new Redial();
  redial.ended('lost', 0);
  redial.reset();
  expect(redial.ended('lost', 10)).toEqual({ delayMs: 50, report: 'upstream-lost' });
});

test('damage is fetched again at once, and reported when it is at the same place again', () => {
  const redial = new Redial();
  expect(redial.ended('damaged', 7)).toEqual({ delayMs: 0, report: null });
  expect(redial.ended('damaged', 7)).toEqual({ delayMs: 50, report: 'damaged' });
  expect(redial.ended('damaged', 7)).toEqual({ delayMs: 100, report: null });
});

test('an upstream that declines is given time for its own order', () => {
  const redial = new Redial();
  const reports = Array.from({ length: 4 }, () => redial.ended('declined', 0).report);
  expect(reports).toEqual([null, null, 'upstream-lost', null]);
});
