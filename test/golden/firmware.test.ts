import { describe, expect, test } from '@jest/globals';
import type { Firmware } from '../../desc/clone-plan.ts';
import { parseYaml } from '../../desc/yaml.ts';
import { type BootWay, describeBootableBy, firmwareFor } from '../../golden/firmware.ts';

const root = '{ size: fill, filesystem: ext4, mount: / }';
const esp = '{ size: 64MiB, filesystem: vfat, mount: /boot/efi }';
const biosBoot = '{ size: 1MiB, type: bios-boot }';

const wayOf = (
  table: 'gpt' | 'msdos',
  partitions: readonly string[],
  installableFor: readonly Firmware[],
  kind: BootWay['kind'] = 'grub',
): BootWay => {
  const lines = partitions.map((partition) => `      - ${partition}`);
  const text = ['disks:', '  - name: sda', `    table: ${table}`, '    partitions:', ...lines];
  const { disks } = parseYaml(`${text.join('\n')}\n`, { file: 'esp.yaml' });
  const [bootDisk] = disks;
  if (!bootDisk) throw new RangeError('no disk');
  return { kind, installableFor: new Set(installableFor), disks, bootDisk };
};

const bios = wayOf('msdos', [root], ['bios']);
const uefi = wayOf('gpt', [esp, root], ['uefi']);
const both = wayOf('gpt', [biosBoot, esp, root], ['bios', 'uefi']);

describe('a node whose machine cannot start the clone is refused before anything is written', () => {
  for (const [machine, what, way, why] of [
    ['bios', 'only an ESP', uefi, /boots by BIOS, but .*no bios-boot partition on sda.*to UEFI$/],
    ['uefi', 'no ESP', bios, /boots by UEFI, but .*no EFI system partition.*to BIOS$/],
    [
      'uefi',
      'no grub for UEFI',
      wayOf('gpt', [biosBoot, esp, root], ['bios']),
      /grub-efi-amd64-bin/,
    ],
    ['bios', 'no grub for BIOS', wayOf('gpt', [biosBoot, esp, root], ['uefi']), /grub-pc-bin/],
    ['uefi', 'lilo', wayOf('gpt', [esp, root], [], 'lilo'), /lilo is for BIOS only/],
    ['uefi', 'neither', wayOf('gpt', [root], []), /then start again$/],
    [
      'uefi',
      'an ESP nothing is mounted on',
      wayOf('gpt', ['{ size: 64MiB, type: esp }', root], ['uefi']),
      /no EFI system partition/,
    ],
  ] as const) {
    test(`${machine} with ${what}`, () => {
      expect(() => firmwareFor(machine, '/dev/sda', way)).toThrow(
        expect.objectContaining({ code: 'FirmwareMismatch', message: expect.stringMatching(why) }),
      );
    });
  }
});

test('a node gets the loader for its own firmware where the description has room for both', () => {
  expect(firmwareFor('bios', '/dev/sda', both)).toBe('bios');
  expect(firmwareFor('uefi', '/dev/sda', both)).toBe('uefi');
  expect(firmwareFor('uefi', '/dev/sda', uefi)).toBe('uefi');
});

test('without a boot loader any machine will do', () => {
  expect(firmwareFor('uefi', '/dev/sda', { ...bios, kind: 'none' })).toBe('uefi');
});

test('a loop device gets what the description is made for, whatever machine it is on', () => {
  expect(firmwareFor('bios', '/dev/loop3', uefi)).toBe('uefi');
  expect(firmwareFor('uefi', '/dev/loop3', bios)).toBe('bios');
});

test('the admin reads which nodes will do', () => {
  expect(describeBootableBy(both)).toBe('BIOS or UEFI');
  expect(describeBootableBy(wayOf('gpt', [root], []))).toMatch(/^neither BIOS .* nor UEFI/);
});
