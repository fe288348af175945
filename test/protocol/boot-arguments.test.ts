import { describe, expect, test } from '@jest/globals';
import { formatBootArguments, parseBootArguments } from '../../protocol/boot-arguments.ts';

const PIN = 'abcdefghijklmnopqrstuvwxyz';
const TICKET = '234567abcdefghijklmnopqrst';
const nothing = {
  golden: undefined,
  session: undefined,
  pin: undefined,
  ticket: undefined,
  token: undefined,
  open: false,
  outdated: false,
};

describe('the kernel command line', () => {
  test('a node reads from it what network boot wrote there', () => {
    const told = {
      golden: { host: '10.0.1.1', port: 30765 },
      session: 'lab',
      pin: PIN,
      ticket: TICKET,
    };
    const line = formatBootArguments(told);
    expect(line).toBe(
      `kamethod ka.golden=10.0.1.1:30765 ka.session=lab ka.key=${PIN} ka.ticket=${TICKET}`,
    );
    expect(parseBootArguments(`BOOT_IMAGE=vmlinuz ${line} console=ttyS0,115200\n`)).toEqual({
      ...nothing,
      ...told,
    });
  });

  test('what is not told is left open', () => {
    const { golden, session, pin, ticket } = nothing;
    expect(formatBootArguments({ golden, session, pin, ticket })).toBe('kamethod');
    expect(parseBootArguments('kamethod quiet ka.golden=nowhere\n')).toEqual(nothing);
  });

  test('a join string says all at once', () => {
    expect(parseBootArguments(`kamethod ka.join=10.0.1.1:30765/${TICKET}/${PIN}`)).toMatchObject({
      golden: { host: '10.0.1.1', port: 30765 },
      token: TICKET,
      pin: PIN,
    });
  });

  test('a line of an older ka is known as one', () => {
    const old = Array.from({ length: 32 }, () => 'AB').join(':');
    expect(parseBootArguments(`kamethod ka.key=${old}`)).toEqual({ ...nothing, outdated: true });
  });

  test.each([
    'ka.golden=10.0.0.1:0',
    'ka.golden=10.0.0.1:99999',
    "ka.golden=x';touch:30765",
    'ka.session=../../etc',
    'ka.key=short',
    'ka.ticket=$(reboot)',
  ])('what cannot be meant is left out: %s', (word) => {
    expect(parseBootArguments(`kamethod ${word}`)).toEqual(nothing);
  });
});

test('which of its disks the description means, by name or path, as often as needed', () => {
  const disks = (line: string) => parseBootArguments(`kamethod ${line} quiet`).disks;
  expect(disks('ka.disk=sda:nvme0n1')).toEqual(new Map([['sda', '/dev/nvme0n1']]));
  expect(disks('ka.disk=sda:nvme0n1,sdb:/dev/nvme1n1 ka.disk=cciss/c0d0:vda')).toEqual(
    new Map([
      ['sda', '/dev/nvme0n1'],
      ['sdb', '/dev/nvme1n1'],
      ['cciss/c0d0', '/dev/vda'],
    ]),
  );
  expect(disks('disk=sda:nvme0n1')).toEqual(new Map([['sda', '/dev/nvme0n1']]));
  expect(disks('ka.disk=sda:/dev/disk/by-path/pci-0000:00:1f.2-ata-1')).toEqual(
    new Map([['sda', '/dev/disk/by-path/pci-0000:00:1f.2-ata-1']]),
  );
  expect(disks('disk=sda:vda ka.disk=sda:vda')).toEqual(new Map([['sda', '/dev/vda']]));
  expect(disks('')).toBeUndefined();
});

test("disk= of somebody else is left alone, a wrong one of ka's is not", () => {
  for (const word of ['disk=auto', 'disk=', 'disk=/dev/sda', 'xdisk=sda:vda', 'disk=sda:../etc']) {
    expect([word, parseBootArguments(word).disks]).toEqual([word, undefined]);
  }
  for (const word of [
    'ka.disk=nvme0n1',
    'ka.disk=',
    'ka.disk=sda:',
    'ka.disk=sda:nvme0n1,',
    'ka.disk=sda:/etc/passwd',
    'ka.disk=sda:/dev/../etc/passwd',
    'ka.disk=sda:vda,sda:vdb',
    'ka.disk=sda:vda,sdb:vda',
    'ka.disk=../sda:vda',
  ]) {
    expect(() => parseBootArguments(word)).toThrow(
      expect.objectContaining({ code: 'BadBootArgument', message: expect.stringContaining(word) }),
    );
  }
});
