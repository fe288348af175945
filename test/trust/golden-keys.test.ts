import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { goldenKeys, operatorKey } from '../../trust/golden-keys.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ka-keys-'));
  process.env.KA_STATE_DIR = directory;
});
afterEach(() => {
  delete process.env.KA_STATE_DIR;
  rmSync(directory, { recursive: true });
});

const keyFile = () => join(directory, 'keys', 'golden.key');

describe("the golden's key", () => {
  test('is made once, for its owner only, and read again', async () => {
    const first = await goldenKeys();
    expect(first.renewed).toBeUndefined();
    const again = await goldenKeys();
    expect({ ...again }).toEqual({ ...first });
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'keys')).mode & 0o777).toBe(0o700);
  });

  test('is the same for processes that make it at the same time', async () => {
    const pins = (await Promise.all([goldenKeys(), goldenKeys(), goldenKeys()])).map(
      ({ pin }) => pin,
    );
    expect(new Set(pins).size).toBe(1);
  });

  test('that was made on another machine is thrown away', async () => {
    const first = await goldenKeys();
    const text = readFileSync(keyFile(), 'utf8');
    writeFileSync(keyFile(), text.replace(/^machine: .*$/m, `machine: ${'0'.repeat(32)}`));
    const renewed = await goldenKeys();
    expect(renewed.pin).not.toBe(first.pin);
    expect(renewed.renewed).toContain('may have been cloned');
    expect((await goldenKeys()).pin).toBe(renewed.pin);
  });

  test('of an older ka, which clones may have, is thrown away too', async () => {
    mkdirSync(join(directory, 'keys'), { mode: 0o755 });
    writeFileSync(keyFile(), '-----BEGIN EC PRIVATE KEY-----\nold\n-----END EC PRIVATE KEY-----\n');
    writeFileSync(join(directory, 'keys', 'golden.crt'), 'old');
    const renewed = await goldenKeys();
    expect(renewed.renewed).toContain('an older ka');
    expect(existsSync(join(directory, 'keys', 'golden.crt'))).toBe(false);
    expect(statSync(join(directory, 'keys')).mode & 0o777).toBe(0o700);
  });
});

test("the operator's key is made once, for its owner only", () => {
  const key = operatorKey();
  expect(key).toMatch(/^[a-z2-7]{26}$/);
  expect(operatorKey()).toBe(key);
  expect(statSync(join(directory, 'keys', 'operator.key')).mode & 0o777).toBe(0o600);
});
