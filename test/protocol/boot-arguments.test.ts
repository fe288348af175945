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
