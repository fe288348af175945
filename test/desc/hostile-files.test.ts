import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { parse as readYaml, stringify } from 'yaml';
import { parseClassic } from '../../desc/classic.ts';
import { loadDescription } from '../../desc/load.ts';
import { parseYaml } from '../../desc/yaml.ts';
import { NamedError } from '../../system/named-error.ts';
import { Disks } from './support/disks.ts';
import { refusal } from './support/errors.ts';

const GOOD = `disks:
  - name: sda
    table: gpt
    match: { serial: s, model: m, wwn: w, minSize: 1GiB, maxSize: 2TiB }
    partitions:
      - number: 1
        size: 1GiB
        type: linux
        name: first
        flags: [required, 48]
        filesystem: { type: ext4, options: [-m, "1"], label: root }
        mount: /
        mountOptions: noatime
        content: files
      - { size: fill, filesystem: xfs, mount: /srv }
exclude: [/var/cache]
nodes: [n1, { name: n2, mac: "52:54:00:12:34:56", address: 10.0.0.2, power: ipmitool }]
`;

/** What may be written where something else belongs. */
const wrongs: unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e300,
  Number.NaN,
  '',
  'x'.repeat(5000),
  'a\u001b[31mb\u009b2J\u202ec',
  [],
  [[]],
  {},
  { odd: 1 },
];

/** The schema's own words, which say nothing to who wrote the file. */
const RAW =
  /Invalid|expected|received|Too (?:small|big)|Unrecognized|regex|pattern|undefined|\[object/;

/** What a terminal would obey, but for the line ends. */
const OBEYED = /[^\P{Cc}\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

type Path = (string | number)[];

const placesIn = (value: unknown, path: Path = []): Path[] => {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...inner.flatMap(([key, each]) => placesIn(each, [...path, key]))];
};

const withAt = (value: unknown, [key, ...rest]: Path, wrong: unknown): unknown => {
  if (key === undefined) return wrong;
  if (Array.isArray(value)) {
    return value.map((each, index) => (index === key ? withAt(each, rest, wrong) : each));
  }
  return Object.fromEntries(
    Object.entries(value as object).map(([name, each]) => [
      name,
      name === key ? withAt(each, rest, wrong) : each,
    ]),
  );
};

/** The lines a text is refused with; none when it is good. */
const problems = (text: string): string[] => {
  try {
    parseYaml(text, { file: 'd.yaml' });
    return [];
  } catch (error) {
    if (error instanceof NamedError) return error.message.split('\n');
    throw error;
  }
};

describe('every place of a description', () => {
  const good: unknown = readYaml(GOOD);
  const places = placesIn(good);

  test('is good as it stands', () => {
    expect(problems(GOOD)).toEqual([]);
    expect(places).toHaveLength(42);
  });

  test.each(places.map((path) => [path.join('.') || 'the whole', path] as const))(
    '%s: what cannot be there is refused in a sentence, and never obeyed by a terminal',
    (_, path) => {
      for (const wrong of wrongs) {
        const text = stringify(withAt(good, path, wrong));
        for (const line of problems(text)) {
          expect(line).toMatch(/^d\.yaml:\d+:\d+: |^d\.yaml: /);
          expect(line).not.toMatch(RAW);
          expect(line).not.toMatch(OBEYED);
          expect(line.length).toBeLessThan(310);
          // What is wrong, and what to do.
          expect(line).toMatch(/; |where there must be/);
        }
      }
    },
  );

  test('control and direction characters are taken nowhere', () => {
    const texts = places.filter((path) => {
      const last = path.at(-1);
      return ['serial', 'model', 'wwn', 'label', 'mountOptions', 'power'].includes(String(last));
    });
    expect(texts).toHaveLength(6);
    for (const path of texts) {
      for (const bad of ['a\u001bb', 'a\u009bb', 'a\u202eb', 'a\nb']) {
        expect([path, problems(stringify(withAt(good, path, bad)))[0]]).toEqual([
          path,
          expect.stringContaining('control character'),
        ]);
      }
    }
  });
});

describe('YAML that hurts', () => {
  test('nested without end, and references that multiply, are one line', () => {
    expect(problems('['.repeat(200_000))).toHaveLength(1);
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [index, name] of [...'bcdefghi'].entries()) {
      const before = 'abcdefghi'[index];
      bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`);
    }
    expect(problems(bomb.join('\n'))).toEqual([expect.stringContaining('not YAML ka reads')]);
  });

  test('a word that stands twice is named', () => {
    expect(problems('disks: []\nnodes: []\ndisks: []\n')).toEqual([
      'd.yaml:3:1: the word "disks" stands here for the second time; keep one',
    ]);
  });

  test('a key that is no word is named, and nothing else is said', () => {
    const warned: Error[] = [];
    const warn = (warning: Error): number => warned.push(warning);
    process.on('warning', warn);
    const why = 'a list, a mapping or a reference stands where a word must be; write a word';
    expect(problems('disks: &d []\n? [a]\n: 1\n*d : 2\n')).toEqual([
      `d.yaml:2:3: ${why}`,
      `d.yaml:4:1: ${why}`,
    ]);
    process.off('warning', warn);
    expect(warned).toEqual([]);
  });

  test('of a hundred mistakes ten are told, and how many more there are', () => {
    const partitions = Array.from({ length: 100 }, () => '      - { size: 5 }').join('\n');
    const lines = problems(`disks:\n  - name: sda\n    table: gpt\n    partitions:\n${partitions}`);
    expect(lines).toHaveLength(11);
    expect(lines[9]).toMatch(/^d\.yaml:14:/);
    expect(lines[10]).toBe('d.yaml: and 90 more');
  });

  test('thousands of unknown words take no time to speak of', () => {
    const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}: 1`).join('\n');
    const before = Date.now();
    expect(problems(keys)).toHaveLength(11);
    expect(Date.now() - before).toBeLessThan(10_000);
  });
});

test('a classic file with escape sequences is told without them, and a long word is cut', () => {
  const classic = (text: string) =>
    refusal(() => parseClassic(text, { file: 'desc\u001b[2J', disk: 'sda' }));
  const message = classic('\u001b[31mlinux\u009b 5\u202e0');
  expect(message).toMatch(/^DescInvalid: desc:1: unknown word "linux/);
  expect(message).not.toMatch(OBEYED);
  expect(classic(`linux ${'9'.repeat(100_000)}`).length).toBeLessThan(330);
});

describe('loading a file', () => {
  const load = async (text: string | Buffer, name: string) => {
    await using disks = await Disks.create();
    await writeFile(`${disks.folder}/${name}`, text);
    return loadDescription(`${disks.folder}/${name}`, { disk: 'vda' }).then(
      (description) => description.disks.map((disk) => `${disk.name} ${disk.table}`).join(),
      (error: Error) => error.message.replaceAll(`${disks.folder}/`, ''),
    );
  };

  test.each([
    ['as it is', GOOD],
    ['with comments, blank lines and a document mark', `\n# my disks\n\n---\n${GOOD}`],
    ['with the mark of UTF-8 in front', `\uFEFF${GOOD}`],
    ['with CRLF', GOOD.replaceAll('\n', '\r\n')],
    ['as JSON', JSON.stringify(readYaml(GOOD))],
    ['with a quoted key', GOOD.replace('disks:', '"disks":')],
    ['with the nodes first', GOOD.replace(/(disks:[\s\S]*)(nodes:.*\n)/, '$2$1')],
  ])('YAML is told by its first line, whatever the file is called: %s', async (_, text) => {
    expect(await load(text, 'desc')).toBe('sda gpt');
  });

  test.each(['linux 100', '# disks: of node 1\nlinux 100', '\uFEFFlinux 100\r\n', 'type83 100'])(
    'classic stays classic: %j',
    async (text) => {
      expect(await load(text, 'desc')).toBe('vda msdos');
    },
  );

  test('a slip in a classic file is told in the words of classic', async () => {
    expect(await load('linux: 100', 'desc')).toMatch(/^desc:1: unknown word "linux:"/);
    expect(await load('', 'desc')).toMatch(/^desc: no partition at all/);
    expect(await load('disk:\n  - x', 'desc')).toMatch(/^desc:1:1: disks: missing/);
  });

  test('what is no text, or far too long, is not read as a description', async () => {
    expect(await load(Buffer.from([0x4c, 0, 1, 2]), 'image')).toBe(
      'cannot read the description image: it is not text; is it a description?',
    );
    await expect(loadDescription('/dev/zero', { disk: 'sda' })).rejects.toThrow(
      /^cannot read the description \/dev\/zero: it has more than 4 MiB/,
    );
    await expect(loadDescription('/dev', { disk: 'sda' })).rejects.toThrow(
      /^cannot read the description \/dev: EISDIR/,
    );
  });
});
