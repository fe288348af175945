import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { checkTicket, issueTicket, spendTicket } from '../../trust/tickets.ts';

const MAC = '52:54:00:00:00:01';
const OTHER = '52:54:00:00:00:02';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ka-tickets-'));
  process.env.KA_STATE_DIR = directory;
});
afterEach(() => {
  delete process.env.KA_STATE_DIR;
  rmSync(directory, { recursive: true });
});

const file = () => join(directory, 'pxe', 'tickets.json');

describe('a ticket', () => {
  test('lets its machine in once', () => {
    const ticket = issueTicket(MAC);
    expect(checkTicket(ticket, [OTHER, MAC])).toEqual({ mac: MAC });
    expect(spendTicket(ticket, [OTHER, MAC])).toEqual({ mac: MAC });
    expect(spendTicket(ticket, [MAC])).toEqual({ refusal: 'its ticket was used before' });
    expect(checkTicket(ticket, [MAC])).toEqual({ refusal: 'its ticket was used before' });
  });

  test('is worth nothing to another machine, and is not used up by it', () => {
    const ticket = issueTicket(MAC);
    expect(spendTicket(ticket, [OTHER])).toEqual({ refusal: `its ticket is for ${MAC}` });
    expect(spendTicket(ticket, [MAC])).toEqual({ mac: MAC });
  });

  test('that nobody made is none', () => {
    issueTicket(MAC);
    expect(checkTicket('a'.repeat(26), [MAC])).toHaveProperty('refusal');
  });

  test('is good for a day', () => {
    const ticket = issueTicket(MAC);
    const old = readFileSync(file(), 'utf8').replace(
      /"made":\d+/,
      `"made":${Date.now() - 25 * 3600_000}`,
    );
    writeFileSync(file(), old);
    expect(checkTicket(ticket, [MAC])).toEqual({ refusal: 'its ticket is older than a day' });
  });

  test('is kept as its digest only, for its owner only', () => {
    const ticket = issueTicket(MAC);
    expect(readFileSync(file(), 'utf8')).not.toContain(ticket);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  test('of a machine that asks again and again, the last four are good', () => {
    const tickets = Array.from({ length: 6 }, () => issueTicket(MAC));
    const good = tickets.map((ticket) => 'mac' in checkTicket(ticket, [MAC]));
    expect(good).toEqual([false, false, true, true, true, true]);
  });

  test('a damaged file has none, and is made anew', () => {
    const ticket = issueTicket(MAC);
    writeFileSync(file(), '{"half');
    expect(checkTicket(ticket, [MAC])).toHaveProperty('refusal');
    expect(checkTicket(issueTicket(MAC), [MAC])).toEqual({ mac: MAC });
  });

  test('is made for an address only', () => {
    expect(() => issueTicket('../../etc')).toThrow();
  });
});
