import { describe, expect, test } from '@jest/globals';
import { addEntryTo, type BootMenu, parseBootMenu, staleEntries } from '../../stage2/boot-menu.ts';

const OWN = '913b2e2a-fe92-4a7d-aaff-95c764674c08';
const GONE = '11111111-2222-4333-8444-555555555555';
const ELSEWHERE = '66666666-7777-4888-8999-aaaaaaaaaaaa';

/** As efibootmgr 17 prints the menu of OVMF and of a server. */
const PRINTED = `BootCurrent: 0003
Timeout: 3 seconds
BootOrder: 0003,0004,0001,0002,0005,0000
Boot0000* UiApp\tFvVol(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/FvFile(462caa21-7614-4503-836e-8ab6f4662331)
Boot0001* debian\tHD(1,GPT,${GONE},0x800,0x20000)/File(\\EFI\\debian\\shimx64.efi)
Boot0002* debian\tHD(1,GPT,${ELSEWHERE.toUpperCase()},0x800,0x20000)/File(\\EFI\\debian\\shimx64.efi)
Boot0003* UEFI PXEv4 (MAC:525400123456)\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,1)/IPv4(0.0.0.00.0.0.0,0,0)N.....YM....R,Y.
Boot0004* UEFI HTTPv4 (MAC:525400123456)\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,1)/IPv4(0.0.0.00.0.0.0,0,0)/Uri()N.....YM....R,Y.
Boot0005  old disk\tHD(2,MBR,0x1234abc,0x800,0x20000)/File(\\EFI\\BOOT\\BOOTX64.EFI)
MirroredPercentageAbove4G: 0.00
`;

const menu = parseBootMenu(PRINTED);

test('the menu of a firmware is read as efibootmgr prints it', () => {
  expect(menu.order).toEqual(['0003', '0004', '0001', '0002', '0005', '0000']);
  expect(menu.entries).toEqual([
    { number: '0000', label: 'UiApp', partUuid: undefined, isNetwork: false },
    { number: '0001', label: 'debian', partUuid: GONE, isNetwork: false },
    { number: '0002', label: 'debian', partUuid: ELSEWHERE, isNetwork: false },
    {
      number: '0003',
      label: expect.stringMatching(/^UEFI PXEv4/),
      partUuid: undefined,
      isNetwork: true,
    },
    {
      number: '0004',
      label: expect.stringMatching(/HTTPv4/),
      partUuid: undefined,
      isNetwork: true,
    },
    { number: '0005', label: 'old disk', partUuid: '01234abc-02', isNetwork: false },
  ]);
});

test('entries that older clonings left go; those of other disks and of the firmware stay', () => {
  const stale = (label: string, own: string) =>
    staleEntries(menu, { label, own, present: [OWN, ELSEWHERE] }).map(({ number }) => number);
  expect(stale('debian', OWN)).toEqual(['0001']);
  expect(stale('debian', ELSEWHERE)).toEqual(['0001', '0002']);
  expect(stale('UiApp', OWN)).toEqual([]);
});

describe('the new entry', () => {
  const menuAfter = (order: string[]): BootMenu => ({
    order: ['0001', ...order],
    entries: menu.entries,
  });

  test('comes behind the network where that came first', () => {
    const added = addEntryTo(menu, '0001', menuAfter(['0003', '0004', '0002', '0005', '0000']));
    expect(added).toEqual(['0003', '0004', '0001', '0002', '0005', '0000']);
  });

  test('is the first where a disk came first, even one that is gone', () => {
    const before = { ...menu, order: ['0001', '0003', '0000'] };
    expect(addEntryTo(before, '0001', menuAfter(['0003', '0000']))).toEqual([
      '0001',
      '0003',
      '0000',
    ]);
  });

  test('is the only one of a firmware that has none', () => {
    const none = parseBootMenu('Timeout: 0 seconds\n');
    expect(addEntryTo(none, '0001', menuAfter([]))).toEqual(['0001']);
  });
});
