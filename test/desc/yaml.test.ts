import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { parseClassic } from '../../desc/classic.ts';
import { loadDescription } from '../../desc/load.ts';
import { Description } from '../../desc/model.ts';
import { typeCode, typeName, typeNames } from '../../desc/partition-types.ts';
import { SurfaceDescription } from '../../desc/surface.ts';
import { toYaml } from '../../desc/to-yaml.ts';
import { parseYaml } from '../../desc/yaml.ts';
import { run } from '../../system/run.ts';
import { Disks } from './support/disks.ts';
import { refusal } from './support/errors.ts';

const parse = (text: string): Description => parseYaml(text, { file: 'd.yaml' });

const full = `
disks:
  - name: nvme0n1
    table: gpt
    match: { serial: S3Z, minSize: 8GiB, maxSize: 1TB }
    partitions:
      - { size: 1MiB, type: bios-boot }
      - { size: 512MiB, type: esp, filesystem: vfat, mount: /boot/efi, mountOptions: umask=0077, flags: [required, 63], name: EFI System }
      - { size: 40%, type: root-x86-64, filesystem: { type: ext4, options: [-m, "1"], label: root }, mount: / }
      - { size: 500MB, type: swap }
      - { size: fill, type: 0fc63daf-8483-4772-8e79-3d69d8477de4, filesystem: xfs, mount: /home, content: empty }
  - name: sdb
    table: msdos
    partitions:
      - { size: 1GiB, type: "7", content: raw, number: 3 }
      - { content: keep }
      - { size: 2GiB, logical: true, filesystem: btrfs, mount: /srv }
      - { size: 1GiB, logical: true, type: swap }
exclude: [/var/cache]
nodes: [node1, { name: node2, mac: "52:54:00:AB:00:01" }]
`;

describe('the YAML format', () => {
  test('says everything the model knows', () => {
    const description = parse(full);
    expect(Description.parse(description)).toEqual(description);
    expect(description).toMatchObject({
      exclude: ['/var/cache'],
      nodes: [{ name: 'node1' }, { name: 'node2', mac: '52:54:00:ab:00:01' }],
    });
    const [nvme, sdb] = description.disks;
    expect(nvme?.match).toEqual({ serial: 'S3Z', minBytes: 8 * 1024 ** 3, maxBytes: 1e12 });
    expect(nvme?.partitions).toMatchObject([
      { number: 1, type: '21686148-6449-6E6F-744E-656564454649', content: 'empty' },
      { number: 2, flags: ['RequiredPartition', '63'], content: 'files', name: 'EFI System' },
      { number: 3, size: { kind: 'percent', percent: 40 }, filesystem: { label: 'root' } },
      { number: 4, filesystem: { type: 'swap' }, content: 'empty' },
      { number: 5, type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4', content: 'empty' },
    ]);
    expect(sdb?.partitions).toMatchObject([
      { number: 3, type: '07', content: 'raw' },
      { number: 1, content: 'keep', size: { kind: 'fill' } },
      { number: 2, role: 'extended', size: { kind: 'bytes', bytes: 3074 * 1024 ** 2 } },
      { number: 5, role: 'logical' },
      { number: 6, role: 'logical' },
    ]);
  });

  test('printing and reading back changes nothing', () => {
    const description = parse(full);
    expect(parse(toYaml(description))).toEqual(description);
  });

  test('JSON is read too', () => {
    const text = '{"disks":[{"name":"sda","table":"gpt","partitions":[{"size":"fill"}]}]}';
    expect(parse(text).disks[0]?.partitions[0]?.content).toBe('empty');
  });

  test('every name of a gpt type stands for what sfdisk lists under that GUID, and every code has a name', async () => {
    const { stdout } = await run('sfdisk', ['--label', 'gpt', '-T']);
    for (const name of typeNames('gpt')) {
      const code = typeCode('gpt', name) ?? '';
      expect(stdout).toContain(code);
      expect(typeCode('gpt', typeName('gpt', code))).toBe(code);
    }
    const dos = (await run('sfdisk', ['--label', 'dos', '-T'])).stdout.toUpperCase();
    for (const name of typeNames('msdos')) {
      expect(dos).toMatch(
        new RegExp(`^ ?${(typeCode('msdos', name) ?? '').replace(/^0/, '\\s?')}\\s`, 'm'),
      );
    }
  });

  // KA_WRITE_SCHEMA=1 writes the file anew.
  test('desc/schema.json is what the code accepts', async () => {
    const path = new URL('../../desc/schema.json', import.meta.url);
    const schema = z.toJSONSchema(SurfaceDescription, { io: 'input' });
    if (process.env.KA_WRITE_SCHEMA) await writeFile(path, `${JSON.stringify(schema, null, 2)}\n`);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)));
  });
});

/** A one-disk description around some partitions, given as YAML flow maps; partitions begin on line 5. */
const around = (table: string, ...partitions: string[]): string =>
  [
    'disks:',
    '  - name: sda',
    `    table: ${table}`,
    '    partitions:',
    ...partitions.map((partition) => `      - ${partition}`),
  ].join('\n');

describe('mistakes are named with line, column and path', () => {
  const cases: [string, string, string][] = [
    ['text that is not YAML', 'disks: [', 'd.yaml:1:9: not YAML'],
    ['an empty file', '', 'd.yaml:1:1: disks: missing; add disks'],
    [
      'an unknown word',
      `${around('gpt', '{ size: fill, mnt: / }')}`,
      'd.yaml:5:28: disks[0].partitions[0].mnt: unknown word "mnt"',
    ],
    ['an unknown table', around('bsd', '{ size: fill }'), 'd.yaml:3:12: disks[0].table'],
    [
      'a bare number as size',
      around('gpt', '{ size: 3500 }'),
      'd.yaml:5:17: disks[0].partitions[0].size: not a size',
    ],
    ['5G', around('gpt', '{ size: 5G }'), 'not a size; write 512MiB'],
    ['size zero', around('gpt', '{ size: 0MiB }'), 'a partition of size zero'],
    ['a missing size', around('gpt', '{ type: linux }'), '.size: missing; add size'],
    ['more than 100%', around('gpt', '{ size: 120% }'), 'more than all there is'],
    [
      'percentages above 100 together',
      around('gpt', '{ size: 60% }', '{ size: 50% }'),
      'd.yaml:6:17: disks[0].partitions[1].size: the percentages add up to 110%',
    ],
    [
      'two fills',
      around('gpt', '{ size: fill }', '{ size: fill }'),
      'second fill beside partition 1',
    ],
    [
      'an unknown type',
      around('msdos', '{ size: fill, type: home }'),
      'has no partition type "home"',
    ],
    [
      'an unknown file system',
      around('gpt', '{ size: fill, filesystem: ext5 }'),
      'disks[0].partitions[0].filesystem: not one of ext2, ext3,',
    ],
    [
      'an unknown word in a file system',
      around('gpt', '{ size: fill, filesystem: { type: ext4, lable: x } }'),
      'partitions[0].filesystem.lable: unknown word "lable"',
    ],
    [
      'a number used twice',
      around('gpt', '{ size: 1GiB, number: 2 }', '{ size: 1GiB, number: 2 }'),
      'd.yaml:6:31: disks[0].partitions[1].number: partition number 2 is used twice',
    ],
    [
      'a mount point used twice',
      around(
        'gpt',
        '{ size: 1GiB, filesystem: ext4, mount: /x }',
        '{ size: 1GiB, filesystem: ext4, mount: /x }',
      ),
      '/x is already the mount point of sda partition 1',
    ],
    [
      'a relative mount point',
      around('gpt', '{ size: fill, filesystem: ext4, mount: home }'),
      'not an absolute path',
    ],
    [
      'a mount point with ..',
      around('gpt', '{ size: fill, filesystem: ext4, mount: /a/../b }'),
      'not a plain absolute path',
    ],
    [
      'swap with a mount point',
      around('gpt', '{ size: fill, filesystem: swap, mount: /x, content: empty }'),
      'swap has no mount point',
    ],
    [
      'files without a mount point',
      around('gpt', '{ size: fill, filesystem: ext4, content: files }'),
      'content files, but no mount point',
    ],
    [
      'files without a file system',
      around('gpt', '{ size: fill, mount: /x }'),
      '/x has no file system',
    ],
    [
      'mount options without a mount point',
      around('gpt', '{ size: fill, mountOptions: ro }'),
      'mountOptions without mount',
    ],
    [
      'a label too long',
      around('gpt', '{ size: fill, filesystem: { type: xfs, label: thirteen-long } }'),
      'has 13 bytes; xfs holds 12',
    ],
    [
      'a file system on a raw copy',
      around('gpt', '{ size: fill, filesystem: ext4, content: raw }'),
      'content raw brings its own file system',
    ],
    [
      'a fifth primary',
      around('msdos', ...Array.from({ length: 5 }, () => '{ size: 1GiB }')),
      'd.yaml:9:9: disks[0].partitions[4]: more than four primary',
    ],
    [
      'logical ones beside four primaries',
      around(
        'msdos',
        ...Array.from({ length: 4 }, () => '{ size: 1GiB }'),
        '{ size: 1GiB, logical: true }',
      ),
      'more than four primary',
    ],
    [
      'a logical one on gpt',
      around('gpt', '{ size: fill, logical: true }'),
      'a gpt table has no logical partitions',
    ],
    [
      '129 partitions',
      around('gpt', ...Array.from({ length: 129 }, () => '{ size: 1MiB }')),
      'more than 128 partitions',
    ],
    [
      'an extended one too small',
      around('msdos', '{ size: 10MiB, type: extended }', '{ size: 10MiB, logical: true }'),
      'its logical ones need 11 MiB',
    ],
    [
      'a logical number out of order',
      around('msdos', '{ size: 1GiB, logical: true, number: 6 }'),
      'this one is 5',
    ],
    [
      'a flag of the other table',
      around('msdos', '{ size: fill, flags: [required] }'),
      'a msdos table has no flag required',
    ],
    [
      'two active partitions',
      around('msdos', '{ size: 1GiB, flags: [boot] }', '{ size: 1GiB, flags: [boot] }'),
      'second partition with the boot flag',
    ],
    ['a name on msdos', around('msdos', '{ size: fill, name: x }'), 'no partition names'],
    [
      '/dev/ in a disk name',
      around('gpt', '{ size: fill }').replace('name: sda', 'name: /dev/sda'),
      'write sda, nvme0n1 … without /dev/',
    ],
    [
      'the same disk twice',
      `${around('gpt', '{ size: fill }')}\n${around('gpt', '{ size: fill }').split('\n').slice(1).join('\n')}`,
      'd.yaml:6:11: disks[1].name: disk sda is described twice',
    ],
    [
      'bounds no disk fits',
      around('gpt', '{ size: fill }').replace(
        '    table',
        '    match: { minSize: 2GiB, maxSize: 1GiB }\n    table',
      ),
      'maxSize is below minSize',
    ],
    [
      'an exclude that climbs',
      `${around('gpt', '{ size: fill }')}\nexclude: [/tmp/../etc]`,
      'd.yaml:6:11: exclude[0]: not a plain absolute path like /var/cache',
    ],
    [
      'one host name twice',
      `${around('gpt', '{ size: fill }')}\nnodes: [n1, n2, N1]`,
      'd.yaml:6:17: nodes[2].name: host name n1 is already that of node 1 of the list',
    ],
    [
      'one MAC address twice, spelled differently',
      `${around('gpt', '{ size: fill }')}\nnodes:\n  - { name: a, mac: "52:54:00:AA:00:01" }\n  - { name: b, mac: 52-54-00-aa-00-01 }`,
      'd.yaml:8:21: nodes[1].mac: MAC address 52:54:00:aa:00:01 is already that of node 1',
    ],
    [
      'one address twice',
      `${around('gpt', '{ size: fill }')}\nnodes: [{ name: a, address: 10.0.0.1 }, { name: b, address: 10.0.0.1 }]`,
      'nodes[1].address: address 10.0.0.1 is already that of node 1',
    ],
    [
      'a host name that is none',
      `${around('gpt', '{ size: fill }')}\nnodes: [node_1]`,
      'd.yaml:6:9: nodes[0]: not a host name (RFC 1123)',
    ],
    [
      'a host name with a part too long',
      `${around('gpt', '{ size: fill }')}\nnodes: [{ name: ${'a'.repeat(64)} }]`,
      'nodes[0].name: not a host name (RFC 1123)',
    ],
    [
      'a relative exclude',
      `${around('gpt', '{ size: fill }')}\nexclude: [tmp]`,
      'd.yaml:6:11: exclude[0]: not an absolute path',
    ],
  ];
  test.each(cases)('%s', (_, text, expected) => {
    const message = refusal(() => parse(text));
    expect(message).toMatch(/^DescInvalid: /);
    expect(message).toContain(expected);
  });

  test('a kept logical partition in a new extended one', () => {
    const text = around(
      'msdos',
      '{ size: fill, type: extended }',
      '{ logical: true, content: keep }',
    );
    expect(refusal(() => parse(text))).toContain('in a new extended one; keep that too');
  });

  test('several mistakes are all reported', () => {
    const text = around('gpt', '{ size: 5G }', '{ size: 1 }', '{ sizes: 1GiB }');
    expect(refusal(() => parse(text)).split('\n')).toHaveLength(3);
  });
});

test('the examples of docs/desc.md are good', async () => {
  const text = await readFile(new URL('../../docs/desc.md', import.meta.url), 'utf8');
  const blocks = text.split(/\n(?! {4}|\n)/).filter((block) => block.includes('\n    '));
  const examples = blocks.map((block) => block.replace(/^.*\n+/, '').replace(/^ {4}/gm, ''));
  const yaml = examples.filter((example) => example.startsWith('disks:'));
  const classic = examples.filter((example) => example.startsWith('# comment'));
  expect([yaml.length, classic.length]).toEqual([1, 1]);
  for (const example of yaml) expect(parse(example).disks).toHaveLength(1);
  for (const example of classic) {
    expect(parseClassic(example, { file: 'desc', disk: 'sda' }).partitions).toHaveLength(4);
  }
});

describe('loading a file', () => {
  test('a file that is not there is one clear line', async () => {
    await expect(loadDescription('/nowhere/desc', { disk: 'sda' })).rejects.toThrow(
      /^cannot read the description \/nowhere\/desc: ENOENT.*$/,
    );
  });

  test('the extension says which language it is', async () => {
    await using disks = await Disks.create();
    const classic = `${disks.folder}/desc`;
    const yaml = `${disks.folder}/desc.yml`;
    await writeFile(classic, 'linux 100');
    await writeFile(yaml, around('gpt', '{ size: fill }'));
    expect((await loadDescription(classic, { disk: 'vda' })).disks[0]).toMatchObject({
      name: 'vda',
      table: 'msdos',
    });
    expect((await loadDescription(yaml, { disk: 'vda' })).disks[0]).toMatchObject({
      name: 'sda',
      table: 'gpt',
    });
  });
});
