import { describe, expect, test } from '@jest/globals';
import type { Tree, TreeEntry } from '../../demo/compare.ts';
import { isOwnPath } from '../../demo/own-paths.ts';
import { sharedIdentity } from '../../demo/verify.ts';

describe('what a clone has of its own', () => {
  test.each([
    ['etc/fstab', ['sha256 "a", not "b"'], true],
    ['etc/fstab.bak', ['sha256 "a", not "b"'], false],
    ['boot/initramfs-6.1.img', ['missing'], true],
    ['boot/vmlinuz-6.1', ['sha256 "a", not "b"'], false],
    ['etc/passwd', ['modified "1", not "2"'], false],
    ['etc', ['modified "1", not "2"'], true],
    ['etc', ['mode "777", not "755"'], false],
    ['', ['modified "1", not "2"', 'owner "7:7", not "0:0"'], false],
    ['home', ['modified "1", not "2"'], false],
  ])('%j that differs in %j: %j', (path, differing, own) => {
    expect(isOwnPath(path, differing)).toBe(own);
  });
});

describe('an identity that is the same on two machines', () => {
  const tree = (path: string, sha256: string): Tree => {
    const entry = { kind: 'f', sha256 } as TreeEntry;
    return new Map([[path, entry]]);
  };
  const shared = (path: string, sha256: string): string[] =>
    sharedIdentity(tree(path, sha256), tree(path, sha256));
  // Of nothing.
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

  test('is a fault', () => {
    expect(shared('etc/machine-id', 'ab')).toEqual(['"etc/machine-id": the same as on the golden']);
    expect(shared('etc/hostname', empty)).toEqual(['"etc/hostname": the same as on the golden']);
  });

  test('is none where it is made at the first boot', () => {
    expect(shared('etc/machine-id', empty)).toEqual([]);
  });
});
