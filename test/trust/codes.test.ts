import { createPrivateKey, createPublicKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { codeOf, commitmentOf, newNonce, type Pairing, shownCode } from '../../trust/code.ts';
import { formatJoinString, parseJoinString } from '../../trust/join-string.ts';
import { makeKeyPair, pinOfKey } from '../../trust/key-pair.ts';
import { letters } from '../../trust/letters.ts';
import { publicBytes } from '../../trust/pin.ts';
import { isSameSecret, newSecret, Secret } from '../../trust/secret.ts';

const publicKeyOf = (key: string): Buffer => publicBytes(createPublicKey(createPrivateKey(key)));

let nodeKey: Buffer;
let goldenKey: Buffer;
beforeAll(async () => {
  [nodeKey, goldenKey] = (await Promise.all(
    [0, 1].map(async () => publicKeyOf((await makeKeyPair()).key)),
  )) as [Buffer, Buffer];
});

describe('letters', () => {
  test('are those of RFC 4648, five bits each', () => {
    // Section 10: BASE32("foobar") = "MZXW6YTBOI======"
    expect(letters(Buffer.from('foobar'), 9)).toBe('mzxw6ytbo');
    expect(letters(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]), 8)).toBe('77777777');
    expect(() => letters(Buffer.from('a'), 2)).toThrow(RangeError);
  });
});

describe('secrets', () => {
  test('are new each time, and known again', () => {
    const [one, other] = [newSecret(), newSecret()];
    expect(Secret.safeParse(one).success).toBe(true);
    expect(one).not.toBe(other);
    expect(isSameSecret(one, one)).toBe(true);
    expect(isSameSecret(one, other)).toBe(false);
    expect(isSameSecret(one, 'short')).toBe(false);
  });
});

describe('a join string', () => {
  const join = { host: '10.0.1.1', port: 30765, token: newSecret(), pin: newSecret() };

  test.each([
    ['10.0.1.1', '10.0.1.1:30765/'],
    ['golden.example.org', 'golden.example.org:30765/'],
    ['fd00::1', '[fd00::1]:30765/'],
  ])('is read back as written, for %s', (host, begins) => {
    const text = formatJoinString({ ...join, host });
    expect(text.startsWith(begins)).toBe(true);
    expect(parseJoinString(` ${text.toUpperCase()}\n`)).toEqual({ ...join, host });
  });

  test('fits into a line of a terminal', () => {
    expect(formatJoinString({ ...join, host: '255.255.255.255', port: 65535 }).length).toBeLessThan(
      80,
    );
  });

  test.each([
    `10.0.1.1/${join.token}/${join.pin}`,
    `10.0.1.1:0/${join.token}/${join.pin}`,
    `10.0.1.1:99999/${join.token}/${join.pin}`,
    `10.0.1.1:30765/${join.token}`,
    `10.0.1.1:30765/${join.token}/short`,
    `x';touch:30765/${join.token}/${join.pin}`,
    `-oProxy:30765/${join.token}/${join.pin}`,
    '',
  ])('is refused without repeating its secret: %s', (text) => {
    const refusal = () => parseJoinString(text);
    expect(refusal).toThrow(expect.objectContaining({ code: 'BadJoin' }));
    expect(refusal).not.toThrow(join.token);
  });
});

describe('a key pair', () => {
  test('is another each time, and its pin is that of its key', async () => {
    const [one, other] = await Promise.all([makeKeyPair(), makeKeyPair()]);
    expect(one.pin).toMatch(/^[a-z2-7]{26}$/);
    expect(pinOfKey(one.key)).toBe(one.pin);
    expect(other.pin).not.toBe(one.pin);
  });
});

describe('a code', () => {
  const pairing = (changes: Partial<Pairing> = {}): Pairing => ({
    nodeKey,
    goldenKey,
    nodeNonce: '00'.repeat(16),
    goldenNonce: 'ff'.repeat(16),
    ...changes,
  });

  test('is the same on both sides, and six digits', () => {
    const code = codeOf(pairing());
    expect(code).toMatch(/^\d{6}$/);
    expect(codeOf(pairing())).toBe(code);
    expect(shownCode('012345')).toBe('012 345');
  });

  test('depends on both keys and both nonces, and on who is who', () => {
    const codes = [
      codeOf(pairing()),
      codeOf(pairing({ nodeKey: goldenKey })),
      codeOf(pairing({ goldenKey: nodeKey })),
      codeOf(pairing({ nodeKey: goldenKey, goldenKey: nodeKey })),
      codeOf(pairing({ nodeNonce: newNonce() })),
      codeOf(pairing({ goldenNonce: newNonce() })),
    ];
    expect(new Set(codes).size).toBe(codes.length);
  });

  test('a commitment binds key and nonce', () => {
    const nonce = newNonce();
    const commitment = commitmentOf(nodeKey, nonce);
    expect(commitmentOf(nodeKey, nonce)).toBe(commitment);
    expect(commitmentOf(goldenKey, nonce)).not.toBe(commitment);
    expect(commitmentOf(nodeKey, newNonce())).not.toBe(commitment);
  });

  test('codes are spread over all of a million', () => {
    const codes = Array.from({ length: 20_000 }, () => codeOf(pairing({ nodeNonce: newNonce() })));
    const first = Map.groupBy(codes, (code) => code.charAt(0));
    for (const group of first.values()) expect(group.length).toBeGreaterThan(1700);
    expect(first.size).toBe(10);
  });
});
