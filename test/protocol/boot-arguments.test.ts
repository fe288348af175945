import { expect, test } from '@jest/globals';
import { formatBootArguments, parseBootArguments } from '../../protocol/boot-arguments.ts';

const FINGERPRINT = 'AB:CD:EF:01';

test('a node reads from its kernel command line what the golden wrote there', () => {
  const told = {
    golden: { host: '10.0.1.1', port: 30765 },
    session: 'lab',
    fingerprint: FINGERPRINT,
  };
  const line = formatBootArguments(told);
  expect(line).toBe(`kamethod ka.golden=10.0.1.1:30765 ka.session=lab ka.key=${FINGERPRINT}`);
  expect(parseBootArguments(`BOOT_IMAGE=vmlinuz ${line} console=ttyS0,115200\n`)).toEqual(told);
});

test('what is not told is left open', () => {
  const nothing = { golden: undefined, session: undefined, fingerprint: undefined };
  expect(formatBootArguments(nothing)).toBe('kamethod');
  expect(parseBootArguments('kamethod quiet ka.golden=nowhere\n')).toEqual(nothing);
});
