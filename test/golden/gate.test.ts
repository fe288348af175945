import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Admissions } from '../../golden/admissions.ts';
import { type AdmitPolicy, Gate } from '../../golden/gate.ts';
import type { Hello } from '../../protocol/admission.ts';
import { newSecret } from '../../trust/secret.ts';
import { issueTicket } from '../../trust/tickets.ts';
import { someHello } from '../support/hello.ts';

const MAC = '52:54:00:00:00:01';
const PIN = 'a'.repeat(26);

let directory: string;
let admissions: Admissions;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ka-gate-'));
  process.env.KA_STATE_DIR = directory;
  admissions = open();
});
afterEach(() => {
  delete process.env.KA_STATE_DIR;
  rmSync(directory, { recursive: true });
});

const open = (): Admissions =>
  new Admissions('lab', (error) => {
    throw error;
  });

const gate = (policy: AdmitPolicy = 'secret', listed: string[] = []): Gate =>
  new Gate({ policy, listed: new Set(listed), admissions });

const hello = (admission: Partial<Hello['admission']>): Hello => {
  const some = someHello();
  return { ...some, admission: { ...some.admission, ...admission } };
};

/** What becomes of a node, and whether it is in afterwards. */
const enter = (at: Gate, node: Hello, pin = PIN): string => {
  const verdict = at.examine(node, pin);
  if (verdict.kind !== 'admit') return verdict.kind;
  return at.admit(node, pin, verdict) ?? verdict.by;
};

describe('the gate', () => {
  test('lets in whoever has the join string of this session, and no other', () => {
    expect(enter(gate(), hello({ token: admissions.token }))).toBe('token');
    expect(enter(gate(), hello({ token: newSecret() }), 'b'.repeat(26))).toBe('refuse');
  });

  test('lets a ticket in once; the second use has to ask, and why is said', () => {
    const ticket = issueTicket(MAC);
    expect(enter(gate(), hello({ ticket }))).toBe('ticket');
    expect(admissions.of(PIN)?.bootMac).toBe(MAC);
    expect(gate().examine(hello({ ticket }), 'b'.repeat(26))).toEqual({
      kind: 'ask',
      why: 'its ticket was used before',
    });
  });

  test('of two nodes with the same ticket the faster one gets in', () => {
    const ticket = issueTicket(MAC);
    const at = gate();
    const verdict = at.examine(hello({ ticket }), PIN);
    const second = at.examine(hello({ ticket }), 'b'.repeat(26));
    if (verdict.kind !== 'admit' || second.kind !== 'admit') throw new Error('both look good');
    expect(at.admit(hello({ ticket }), PIN, verdict)).toBeUndefined();
    expect(at.admit(hello({ ticket }), 'b'.repeat(26), second)).toBe('its ticket was used before');
    expect(admissions.of('b'.repeat(26))).toBeUndefined();
  });

  test('knows a node again by its key, whatever it says', () => {
    enter(gate(), hello({ token: admissions.token }));
    expect(enter(gate(), hello({}))).toBe('known');
    expect(enter(gate(), hello({}), 'b'.repeat(26))).toBe('ask');
  });

  test('takes anybody only where both sides said so', () => {
    expect(enter(gate('open'), hello({ open: true }))).toBe('open');
    expect(enter(gate('open'), hello({}), 'b'.repeat(26))).toBe('ask');
    expect(enter(gate('secret'), hello({ open: true }), 'c'.repeat(26))).toBe('ask');
  });

  test('with a list nobody gets in who is not in it, whatever he has', () => {
    const token = admissions.token;
    const ticket = issueTicket(MAC);
    for (const other of [{ token }, { ticket }, {}, { open: true }]) {
      expect(enter(gate('list', ['52:54:00:00:00:99']), hello(other))).toBe('refuse');
    }
    expect(enter(gate('list', [MAC]), hello({ ticket }))).toBe('ticket');
    expect(enter(gate('list', [MAC]), hello({}), 'b'.repeat(26))).toBe('ask');
  });

  test('with a list a ticket must be for a listed address, not only its bearer say one', () => {
    const ticket = issueTicket(MAC);
    const some = hello({ ticket });
    const both = { ...some, inventory: { ...some.inventory, macs: [MAC, '52:54:00:00:00:99'] } };
    expect(enter(gate('list', ['52:54:00:00:00:99']), both)).toBe('refuse');
  });

  test('turns away kernel lines of an older ka, with the command to run', () => {
    expect(gate().examine(hello({ outdated: true }), PIN)).toEqual({
      kind: 'refuse',
      why: expect.stringContaining('ka pxe serve'),
    });
  });
});

describe('admissions', () => {
  test('outlive a golden that is killed, and not its session', () => {
    enter(gate(), hello({ token: admissions.token }));
    expect(admissions.nextPass()).toBe(1);
    const next = open();
    expect(next.token).toBe(admissions.token);
    expect(next.count).toBe(1);
    expect(next.of(PIN)).toBeDefined();
    // Part of a nonce: no number comes twice.
    expect(next.nextPass()).toBe(2);
    next.end();
    const later = open();
    expect(later.token).not.toBe(admissions.token);
    expect(later.count).toBe(0);
    expect(later.nextPass()).toBe(1);
  });

  test('that cannot be written down are said so, and hold as long as the process', () => {
    rmSync(join(directory, 'run'), { recursive: true });
    process.env.KA_STATE_DIR = '/dev/null/nowhere';
    const errors: string[] = [];
    const lost = new Admissions('lab', ({ message }) => errors.push(message));
    lost.add({ pin: PIN, bootMac: null });
    expect(lost.of(PIN)).toBeDefined();
    expect(errors.length).toBe(2);
    process.env.KA_STATE_DIR = directory;
  });
});
