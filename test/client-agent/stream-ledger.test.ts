import { describe, expect, test } from '@jest/globals';
import { StreamLedger } from '../../client-agent/stream-ledger.ts';

const record = (stream: number, name: string, more: object = {}) => ({
  stream,
  name,
  kind: 'files',
  encoding: 'identity' as const,
  bytes: 100,
  sha256: 'ab'.repeat(32),
  ...more,
});

const { signal } = new AbortController();
const forged = (message: RegExp) =>
  expect.objectContaining({ code: 'ForgedStream', message: expect.stringMatching(message) });

describe('a ledger', () => {
  test('is good when all that was kept and planned is vouched for, in whatever order that is known', async () => {
    for (const lateWord of [false, true]) {
      const ledger = new StreamLedger(['/', '/home']);
      const records = [record(2, '/'), record(3, '/home')];
      const vouch = () => {
        for (const each of records) ledger.vouch(each);
        // One that this node does not keep.
        ledger.vouch(record(4, 'sda3', { kind: 'raw' }));
        ledger.end([2, 3, 4]);
      };
      if (!lateWord) vouch();
      for (const each of records) ledger.keep(each, 'node 1');
      expect(ledger.isGood).toBe(false);
      const checked = ledger.check(signal);
      if (lateWord) vouch();
      await checked;
      expect(ledger.isGood).toBe(true);
    }
  });

  test.each([
    ['sha256', 'cd'.repeat(32)],
    ['bytes', 99],
    ['name', '/etc'],
    ['kind', 'raw'],
    ['encoding', 'zstd'],
  ])('says at once that %s differs', async (field, value) => {
    for (const vouchFirst of [true, false]) {
      const ledger = new StreamLedger(['/']);
      const steps = [
        () => ledger.vouch(record(1, '/')),
        () => ledger.keep(record(1, '/', { [field]: value }), 'node 7 (10.0.0.7:1)'),
      ];
      for (const step of vouchFirst ? steps : steps.toReversed()) step();
      await expect(ledger.forged).rejects.toEqual(
        forged(new RegExp(`: ${field} differ; it came from node 7 \\(10.0.0.7:1\\)$`)),
      );
      ledger.end([1]);
      await expect(ledger.check(signal)).rejects.toEqual(forged(/differ/));
      expect(ledger.isGood).toBe(false);
    }
  });

  test('is not good without a planned stream, or with one more than was sent', async () => {
    const missing = new StreamLedger(['/', '/home']);
    const tooMany = new StreamLedger(['/']);
    for (const ledger of [missing, tooMany]) {
      ledger.keep(record(1, '/'), 'node 1');
      ledger.vouch(record(1, '/'));
      ledger.end([1]);
    }
    tooMany.keep(record(2, '/'), 'node 1');
    await expect(missing.check(signal)).rejects.toEqual(forged(/stream "\/home" did not come/));
    await expect(tooMany.check(signal)).rejects.toEqual(forged(/the golden sent no such stream/));
  });

  test('takes no stream for good that was vouched for and is not in the last word', async () => {
    const ledger = new StreamLedger(['/']);
    ledger.keep(record(1, '/'), 'node 1');
    ledger.vouch(record(1, '/'));
    ledger.end([]);
    await expect(ledger.check(signal)).rejects.toEqual(forged(/no such stream/));
  });

  test('waits for the last word so long and no longer', async () => {
    const ledger = new StreamLedger(['/'], 50);
    ledger.keep(record(1, '/'), 'node 1');
    ledger.vouch(record(1, '/'));
    await expect(ledger.check(signal)).rejects.toEqual(forged(/did not vouch for it within/));
  });

  test('ends with its pass', async () => {
    const stop = new AbortController();
    const checked = new StreamLedger([]).check(stop.signal);
    stop.abort();
    await expect(checked).rejects.toMatchObject({ name: 'AbortError' });
  });
});
