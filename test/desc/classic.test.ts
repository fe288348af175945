import { describe, expect, test } from '@jest/globals';
import { parseClassic } from '../../desc/classic.ts';
import { DiskSpec } from '../../desc/model.ts';
import { refusal } from './support/errors.ts';

const parse = (text: string): DiskSpec => parseClassic(text, { file: 'desc', disk: 'sda' });

/** Each partition in one line, to compare whole files at a glance. */
const summary = (text: string): string[] =>
  parse(text).partitions.map(({ number, role, type, size, content, filesystem }) => {
    const much = size.kind === 'bytes' ? `${size.bytes / 1024 / 1024}MiB` : size.kind;
    return [number, role, type, much, content, filesystem?.type].filter(Boolean).join(' ');
  });

describe('the classic grammar', () => {
  test("reads the original's sample", () => {
    expect(summary('linux 3500\nextended fill\nlogical swap 500\nlogical linux fill\n')).toEqual([
      '1 primary 83 3500MiB files',
      '2 extended 05 fill empty',
      '5 logical 82 500MiB empty swap',
      '6 logical 83 fill files',
    ]);
  });

  test('takes comments, blank lines, tabs, CRLF and a last line without newline', () => {
    expect(summary('# two\r\n\n   \n\tlinux\t100\r\n  # more\nswap  200')).toEqual([
      '1 primary 83 100MiB files',
      '2 primary 82 200MiB empty swap',
    ]);
  });

  test('types are two upper case hex digits', () => {
    expect(summary('type8e 10\ntypeFD 10\ntype7 10\ntype82 10')).toEqual([
      '1 primary 8E 10MiB files',
      '2 primary FD 10MiB files',
      '3 primary 07 10MiB files',
      '4 primary 82 10MiB empty swap',
    ]);
  });

  test('fill may stand before others, and once in each of the two levels', () => {
    expect(summary('linux fill\nextended 1000\nlogical linux fill\nlogical swap 100')).toHaveLength(
      4,
    );
  });

  test("takes the original tool's sizes: a logical one as large as what holds it gives way", () => {
    expect(summary('extended 38326\nlogical linux 38326')).toEqual([
      '1 extended 05 38326MiB empty',
      '5 logical 83 38325MiB files',
    ]);
    expect(
      summary('extended 1000\nlogical swap 100\nlogical linux 500\nlogical linux 400'),
    ).toEqual([
      '1 extended 05 1000MiB empty',
      '5 logical 82 100MiB empty swap',
      '6 logical 83 497MiB files',
      '7 logical 83 400MiB files',
    ]);
    // One table's worth too much, of two.
    expect(summary('extended 1001\nlogical linux 400\nlogical linux 600').slice(1)).toEqual([
      '5 logical 83 400MiB files',
      '6 logical 83 599MiB files',
    ]);
    expect(summary('extended 1002\nlogical linux 400\nlogical linux 600').slice(1)).toEqual([
      '5 logical 83 400MiB files',
      '6 logical 83 600MiB files',
    ]);
  });

  test('what it makes fits the model', () => {
    const disk = parse('linux 100\nextended fill\nlogical typefd 7');
    expect(DiskSpec.parse(disk)).toEqual(disk);
  });
});

describe('what the original let pass is refused with file and line', () => {
  const cases: [string, string, string][] = [
    ['a missing size', 'linux', 'desc:1: no size after linux'],
    ['a size with a unit', 'linux 100\nlinux 5G', 'desc:2: "5G" is not a size'],
    ['a size of zero', 'linux 0', 'desc:1: a partition of size zero'],
    ['a negative size', 'linux -5', 'desc:1: "-5" is not a size'],
    ['more than msdos can hold', 'linux 99999999', 'desc:1: 99999999 megabytes are more than'],
    ['a fifth primary', 'linux 1\n\nlinux 1\nlinux 1\nlinux 1\nlinux 1', 'desc:6: more than four'],
    ['logical without extended', 'linux 1\nlogical linux 1', 'desc:2: logical partition, but no'],
    [
      'logical before the extended',
      'logical linux 1\nextended fill',
      'desc:1: logical partition before the extended',
    ],
    ['a second extended', 'extended 10\nextended 10', 'desc:2: second extended'],
    ['two fills', 'linux fill\nlinux fill', 'desc:2: second fill beside partition 1'],
    [
      'two logical fills',
      'extended fill\nlogical linux fill\nlogical swap fill',
      'desc:3: second fill beside partition 5',
    ],
    ['trailing words', 'linux 1000 # root', 'desc:1: unexpected "# root"'],
    ['an unknown type', 'ext3 10', 'desc:1: unknown word "ext3"'],
    ['an unknown first word', 'primary linux 10', 'desc:1: unknown word "primary"'],
    ['logical alone', 'logical', 'desc:1: logical alone'],
    [
      'a logical extended',
      'extended 10\nlogical extended 5',
      'desc:2: an extended partition cannot',
    ],
    ['type without digits', 'type 10', 'desc:1: unknown word "type"'],
    ['type 00', 'type00 10', 'desc:1: type 00 means no partition'],
    ['extended by its number', 'type5 10', 'desc:1: type5 is an extended partition'],
    [
      'an extended too small for what it holds',
      'extended 38326\nlogical linux 38327',
      'desc:1: extended partition of 37.4 GiB, but its logical ones need',
    ],
    [
      'an extended that has no room for even the tables',
      'extended 2\nlogical linux 1\nlogical linux 1',
      'desc:1: extended partition of 2 MiB, but its logical ones need 4 MiB',
    ],
    ['a file without partitions', '# nothing\n', 'desc: no partition at all'],
  ];
  test.each(cases)('%s', (_, text, expected) => {
    const message = refusal(() => parse(text));
    expect(message).toMatch(/^DescInvalid: /);
    expect(message.slice('DescInvalid: '.length)).toContain(expected);
    expect(message.split('\n')).toHaveLength(1);
  });

  test('several mistakes are all reported, in order, one line each', () => {
    const message = refusal(() => parse('linux\nlogical swap 5\nfoo 3\nlinux 5G'));
    expect(
      message
        .replace('DescInvalid: ', '')
        .split('\n')
        .map((line) => line.slice(0, 7)),
    ).toEqual(['desc:1:', 'desc:2:', 'desc:3:', 'desc:4:']);
  });

  test('a broken extended line does not make its logical ones wrong too', () => {
    expect(refusal(() => parse('extended\nlogical linux 5')).split('\n')).toHaveLength(1);
  });
});
