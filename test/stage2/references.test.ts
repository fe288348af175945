import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { PartitionPlan } from '../../desc/clone-plan.ts';
import { checkBootConfig } from '../../stage2/boot-config.ts';
import { replaceReferences, withoutRootSubvolume } from '../../stage2/boot-references.ts';
import { rewriteFstab } from '../../stage2/fstab-text.ts';
import { renameInHosts } from '../../stage2/host-name.ts';
import type { NodeReference } from '../../stage2/node-references.ts';
import { inside } from '../../system/inside.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { clonePlan } from './support.ts';

const NODE_ROOT = '11111111-2222-4333-8444-555555555555';
const NODE_SWAP = '66666666-7777-4888-8999-aaaaaaaaaaaa';
const NODE_DATA = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff';
const GOLDEN_ROOT = 'aaaaaaaa-0000-4000-8000-000000000001';
const GOLDEN_SWAP = 'aaaaaaaa-0000-4000-8000-000000000002';

const reference = (
  number: number,
  uuid: string,
  type: 'ext4' | 'swap' | 'xfs',
  more: Partial<PartitionPlan>,
): NodeReference => {
  const partition: PartitionPlan = {
    number,
    role: 'primary',
    startSector: 2048,
    sizeSectors: 2048,
    type: '83',
    flags: [],
    content: 'empty',
    filesystem: { type, options: [], uuid },
    ...more,
  };
  const disk = {
    name: 'sda',
    device: '/dev/sda',
    sizeBytes: 1,
    sectorBytes: 512,
    table: 'msdos' as const,
    tableId: '0xdeadbeef',
    keepsData: false,
    partitions: [partition],
  };
  expect(clonePlan([disk]).disks).toHaveLength(1);
  return {
    disk,
    partition,
    device: `/dev/sda${number}`,
    type,
    uuid,
    label: undefined,
    partUuid: `deadbeef-0${number}`,
  };
};

const references = [
  reference(1, NODE_ROOT, 'ext4', {
    mount: '/',
    golden: { device: '/dev/vda1', uuid: GOLDEN_ROOT, label: 'gold root', partUuid: 'cafe0000-01' },
  }),
  reference(2, NODE_SWAP, 'swap', { golden: { device: '/dev/vda2', uuid: GOLDEN_SWAP } }),
  reference(3, NODE_DATA, 'xfs', { mount: '/data set', mountOptions: 'noatime' }),
];

describe('fstab', () => {
  for (const spec of [
    `UUID=${GOLDEN_ROOT}`,
    `UUID="${GOLDEN_ROOT.toUpperCase()}"`,
    'LABEL=gold\\040root',
    'LABEL="gold\\040root"',
    'PARTUUID=cafe0000-01',
    '/dev/vda1',
    `/dev/disk/by-uuid/${GOLDEN_ROOT}`,
    '/dev/disk/by-label/gold\\x20root',
  ]) {
    test(`${spec} becomes the node's UUID`, () => {
      const { text } = rewriteFstab(
        `${spec} / ext3 errors=remount-ro 0 1\n`,
        references.slice(0, 1),
      );
      expect(text).toBe(`UUID=${NODE_ROOT}\t/\text4\terrors=remount-ro\t0\t1\n`);
    });
  }

  test('foreign lines stay byte for byte, lost disks are commented out, missing lines are added', () => {
    const kept = [
      '# /etc/fstab: static file system information.',
      '',
      'server:/export  /mnt/nfs   nfs4  ro,_netdev 0 0',
      'tmpfs /tmp\ttmpfs defaults,size=2G  0 0',
      '/dev/sr0        /media/cdrom0   udf,iso9660 user,noauto     0       0',
      'proc /proc proc defaults 0 0',
      'UUID=0123-4567 /mnt/stick vfat noauto 0 0',
    ];
    const before = [
      ...kept,
      `UUID=${GOLDEN_SWAP} none swap sw 0 0`,
      '/dev/vdb1 /scratch ext4 defaults 0 2',
      '/dev/mapper/vg-lv /lv ext4 defaults 0 2',
      '',
    ].join('\n');
    const { text, changes } = rewriteFstab(before, references);
    expect(text.split('\n')).toEqual([
      ...kept,
      `UUID=${NODE_SWAP}\tnone\tswap\tsw\t0\t0`,
      '# not on a cloned disk: /dev/vdb1 /scratch ext4 defaults 0 2',
      '# not on a cloned disk: /dev/mapper/vg-lv /lv ext4 defaults 0 2',
      `UUID=${NODE_ROOT}\t/\text4\tdefaults\t0\t1`,
      `UUID=${NODE_DATA}\t/data\\040set\txfs\tnoatime\t0\t0`,
      '',
    ]);
    expect(changes).toHaveLength(5);
  });

  test("a partition that is new on the node takes the line of the golden's file system there", () => {
    const { text } = rewriteFstab('UUID=ABCD-0123 /data\\040set ext4 nosuid 0 0\n', references);
    expect(text.split('\n').filter((line) => line.includes('/data'))).toEqual([
      `UUID=${NODE_DATA}\t/data\\040set\txfs\tnoatime\t0\t0`,
    ]);
  });

  test("the golden's btrfs subvolume is not asked of the node's own file system", () => {
    const { text } = rewriteFstab(
      '/dev/vda1 / btrfs rw,subvol=@,noatime 0 0',
      references.slice(0, 1),
    );
    expect(text).toBe(`UUID=${NODE_ROOT}\t/\text4\trw,noatime\t0\t1`);
  });
});

describe('one file system in several lines of fstab', () => {
  const btrfs = (content: PartitionPlan['content']): NodeReference => {
    const made = reference(1, NODE_ROOT, 'ext4', {
      mount: '/',
      mountOptions: 'rw,subvol=@,noatime',
      golden: { device: '/dev/vda1', uuid: GOLDEN_ROOT },
      content,
    });
    const { filesystem, ...bare } = made.partition;
    const partition =
      content === 'raw'
        ? bare
        : {
            ...bare,
            filesystem: { ...filesystem, type: 'btrfs' as const, options: [], uuid: NODE_ROOT },
          };
    return { ...made, type: 'btrfs', partition };
  };
  const fstab = [
    `UUID=${GOLDEN_ROOT} / btrfs rw,subvol=@,noatime 0 0`,
    `UUID=${GOLDEN_ROOT} /home btrfs subvol=@home 0 0`,
    `UUID=${GOLDEN_ROOT} /mnt/top btrfs noatime,subvolid=5 0 0`,
  ];

  test('further subvolumes are no mounts on the node, whose files lie in the first', () => {
    const { text } = rewriteFstab(fstab.join('\n'), [btrfs('files')]);
    expect(text.split('\n')).toEqual([
      `UUID=${NODE_ROOT}\t/\tbtrfs\trw,noatime\t0\t0`,
      `# no subvolume of its own here: ${fstab[1]}`,
      `# no subvolume of its own here: ${fstab[2]}`,
    ]);
  });

  test('the line of its own place is found wherever it stands', () => {
    const { text } = rewriteFstab(fstab.toReversed().join('\n'), [btrfs('files')]);
    expect(text.split('\n').at(-1)).toBe(`UUID=${NODE_ROOT}\t/\tbtrfs\trw,noatime\t0\t0`);
    expect(text.split('\n').filter((line) => line.startsWith('#'))).toHaveLength(2);
  });

  test('a raw copy has its subvolumes', () => {
    const { text } = rewriteFstab(fstab.join('\n'), [btrfs('raw')]);
    expect(text.split('\n')).toEqual([
      `UUID=${NODE_ROOT}\t/\tbtrfs\trw,subvol=@,noatime\t0\t0`,
      `UUID=${NODE_ROOT}\t/home\tbtrfs\tsubvol=@home\t0\t0`,
      `UUID=${NODE_ROOT}\t/mnt/top\tbtrfs\tnoatime,subvolid=5\t0\t0`,
    ]);
  });

  test('a subvolume that is a partition of its own on the node is mounted from there', () => {
    const home = reference(2, NODE_DATA, 'xfs', { mount: '/home' });
    const { text } = rewriteFstab(fstab.slice(0, 2).join('\n'), [btrfs('files'), home]);
    expect(text.split('\n')[1]).toBe(`UUID=${NODE_DATA}\t/home\txfs\tdefaults\t0\t0`);
  });

  test('a second mount of the whole file system stays one', () => {
    const before = [
      `UUID=${GOLDEN_ROOT} /mnt/again ext4 ro 0 0`,
      `UUID=${GOLDEN_ROOT} / ext4 errors=remount-ro 0 1`,
      '/srv /mnt/bound none bind 0 0',
    ].join('\n');
    expect(rewriteFstab(before, references.slice(0, 1)).text.split('\n')).toEqual([
      `UUID=${NODE_ROOT}\t/mnt/again\text4\tro\t0\t0`,
      `UUID=${NODE_ROOT}\t/\text4\terrors=remount-ro\t0\t1`,
      '/srv /mnt/bound none bind 0 0',
    ]);
  });
});

describe('boot references', () => {
  test("a kernel is not told the golden's subvolume", () => {
    const without = (text: string) => withoutRootSubvolume(text, '/@');
    expect(without('linux /vmlinuz root=UUID=x ro rootflags=subvol=@ quiet')).toBe(
      'linux /vmlinuz root=UUID=x ro quiet',
    );
    expect(without('options rootflags=subvolid=256,compress=zstd,subvol=/@\n')).toBe(
      'options rootflags=compress=zstd\n',
    );
    expect(without('A="rootflags=subvol=@"\nB="rootflags=subvol=@ quiet"')).toBe('A=""\nB="quiet"');
    for (const other of [
      'rootflags=noatime',
      'rootflags=subvol=@other',
      // As grub's own script has it.
      `LINUX="rootflags=subvol=\${rootsubvol} \${LINUX}"`,
    ]) {
      expect(without(other)).toBe(other);
    }
  });

  test('UUIDs are replaced as whole words, device names in root= and resume= too', () => {
    const before = [
      `search --no-floppy --fs-uuid --set=root ${GOLDEN_ROOT}`,
      `linux /boot/vmlinuz root=UUID=${GOLDEN_ROOT.toUpperCase()} ro resume=/dev/vda2 quiet`,
      `append root=/dev/vda1 rootwait; root=/dev/vda10`,
      `menuentry 'Debian' $menuentry_id_option 'gnulinux-simple-${GOLDEN_ROOT}' {`,
      `other ${GOLDEN_ROOT}0 PARTUUID=cafe0000-01`,
    ].join('\n');
    expect(replaceReferences(before, references).split('\n')).toEqual([
      `search --no-floppy --fs-uuid --set=root ${NODE_ROOT}`,
      `linux /boot/vmlinuz root=UUID=${NODE_ROOT} ro resume=UUID=${NODE_SWAP} quiet`,
      `append root=UUID=${NODE_ROOT} rootwait; root=/dev/vda10`,
      `menuentry 'Debian' $menuentry_id_option 'gnulinux-simple-${NODE_ROOT}' {`,
      `other ${GOLDEN_ROOT}0 PARTUUID=deadbeef-01`,
    ]);
  });

  test('a configuration with only the node in it passes', () => {
    const text = [
      `search --no-floppy --fs-uuid --set=root ${NODE_ROOT}`,
      `  search --fs-uuid --hint-bios=hd0,msdos1 --set=root ${NODE_ROOT}`,
      `linux /vmlinuz root=UUID=${NODE_ROOT} ro resume=UUID=${NODE_SWAP}`,
      'linux /vmlinuz root=PARTUUID=deadbeef-01',
      'linux /vmlinuz root=/dev/mapper/vg-root',
    ].join('\n');
    expect(() => checkBootConfig('/boot/grub/grub.cfg', text, references)).not.toThrow();
  });

  for (const line of [
    'linux /vmlinuz root=/dev/loop0p1 ro',
    `linux /vmlinuz root=UUID=${GOLDEN_ROOT} ro`,
    `search --no-floppy --fs-uuid --set=root ${GOLDEN_ROOT}`,
    'linux /vmlinuz root=PARTUUID=cafe0000-01',
    `append="root=\\"UUID=${GOLDEN_SWAP}\\""\nroot="UUID=${GOLDEN_SWAP}"`,
  ]) {
    test(`${line.slice(0, 60)} is refused`, () => {
      expect(() => checkBootConfig('/boot/grub/grub.cfg', line, references)).toThrow(
        expect.objectContaining({ code: 'BootConfigWrong' }),
      );
    });
  }
});

test("the golden's name in hosts is replaced as a whole word", () => {
  const before =
    '127.0.1.1 golden.example.org golden\n10.0.0.9 golden2 my-golden x.golden golden-bmc\n';
  expect(renameInHosts(before, 'golden', 'node01')).toBe(
    '127.0.1.1 node01.example.org node01\n10.0.0.9 golden2 my-golden x.golden golden-bmc\n',
  );
});

describe('paths inside the clone', () => {
  test('never lead out, whatever its links say', async () => {
    await using temp = await makeTempDir();
    const root = join(temp.path, 'clone');
    await mkdir(join(root, 'real/etc'), { recursive: true });
    await writeFile(join(root, 'real/etc/hostname'), 'x');
    await symlink('/real/etc', join(root, 'etc'));
    await symlink('/etc/hostname', join(root, 'absolute'));
    await symlink('../../../../etc/hostname', join(root, 'climbing'));
    await symlink('loop', join(root, 'loop'));
    for (const path of ['/etc/hostname', '/absolute', '/climbing', '/../../etc/hostname']) {
      expect(await inside(root, path)).toBe(join(root, 'real/etc/hostname'));
    }
    expect(await inside(root, '/etc/not/yet')).toBe(join(root, 'real/etc/not/yet'));
    await expect(inside(root, '/loop')).rejects.toMatchObject({ code: 'LinkLoop' });
  });
});
