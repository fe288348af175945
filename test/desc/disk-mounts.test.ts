/** `ka desc from-disk` of disks with a system on them, mounted or not: what its fstab means, and what cannot be read. */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { parse } from 'yaml';
import { z } from 'zod';
import { showPartitions } from '../../demo/loop-disk.ts';
import { MIB } from '../../desc/sizes.ts';
import { run } from '../../system/run.ts';
import { Disks } from './support/disks.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

const program = `
import { Command } from 'commander';
import { addDescCommands } from '${project}/cli/desc.ts';
const program = new Command('ka');
addDescCommands(program);
await program.parseAsync(process.argv.slice(1), { from: 'user' });
`;

const fromDisk = async (args: readonly string[], as: readonly string[] = []) => {
  const node = [process.execPath, '--input-type=module', '--eval', program];
  const [file = '', ...rest] = [...as, ...node, '--', 'desc', 'from-disk', ...args];
  const { exitCode, stdout, stderr } = await execa(file, rest, {
    cwd: project,
    reject: false,
    env: { NODE_NO_WARNINGS: '1' },
  });
  return { code: exitCode, out: stdout, errors: stderr.split('\n').filter(Boolean) };
};

const Described = z.object({
  disks: z.array(
    z.object({
      name: z.string(),
      partitions: z.array(
        z.object({
          number: z.int(),
          mount: z.string().optional(),
          mountOptions: z.string().optional(),
          content: z.string().optional(),
          filesystem: z.union([z.string(), z.object({ type: z.string() })]).optional(),
        }),
      ),
    }),
  ),
});

/** Partitions as described, in short: "1 / files errors=remount-ro". */
const partitionsOf = (yaml: string): string[] =>
  Described.parse(parse(yaml)).disks.flatMap(({ partitions }) =>
    partitions.map(({ number, mount, content, mountOptions }) =>
      [number, mount, content, mountOptions].filter((part) => part !== undefined).join(' '),
    ),
  );

/** Partitions as they come to be described, and what was said beside. */
const described = async (disks: Disks, ...args: string[]) => {
  const file = join(disks.folder, 'described.yaml');
  await run('rm', ['-f', file]);
  const { code, errors } = await fromDisk([...args, '-o', file]);
  const told = errors.map((line) => line.replaceAll(`${disks.folder}/`, ''));
  if (code !== 0) return { code, errors: told, partitions: [] };
  return { code, errors: told, partitions: partitionsOf(await readFile(file, 'utf8')) };
};

interface Part {
  mkfs: readonly [string, ...string[]];
  /** Files to put there. */
  files?: Record<string, string>;
}

interface Made {
  image: string;
  /** Loop device, its partitions known to the kernel. */
  loop: string;
  part: (number: number) => string;
  uuid: (number: number) => Promise<string>;
  partUuid: (number: number) => Promise<string>;
}

const write = async (folder: string, files: Record<string, string>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
};

/** A disk with these partitions; nothing of it is mounted afterwards. */
const makeDisk = async (
  disks: Disks,
  table: string,
  parts: Record<number, Part>,
): Promise<Made> => {
  const image = await disks.file(700 * MIB);
  await run('sfdisk', ['--quiet', image], { input: table });
  const loop = await disks.attach(image);
  await showPartitions(loop);
  const part = (number: number): string => `${loop}p${number}`;
  const blkid = async (number: number, tag: string): Promise<string> =>
    (await run('blkid', ['-p', '-s', tag, '-o', 'value', part(number)])).stdout.trim();
  const made: Made = {
    image,
    loop,
    part,
    uuid: (number) => blkid(number, 'UUID'),
    partUuid: (number) => blkid(number, 'PART_ENTRY_UUID'),
  };
  for (const [number, { mkfs }] of Object.entries(parts)) {
    const [command, ...args] = mkfs;
    await run(command, [...args, part(Number(number))]);
  }
  for (const [number, { files }] of Object.entries(parts)) {
    if (files) await put(disks, made, Number(number), files);
  }
  return made;
};

const put = async (
  disks: Disks,
  made: Made,
  number: number,
  files: Record<string, string>,
): Promise<void> => {
  const point = await disks.mount(made.part(number));
  await write(point, files);
  await disks.unmount(point);
};

/** A file system whose beginning is right and whose rest is not. */
const damage = (device: string): Promise<unknown> =>
  run('dd', ['if=/dev/urandom', `of=${device}`, 'bs=4096', 'seek=1', 'count=2000']);

const canMount = async (disks: Disks, device: string): Promise<boolean> => {
  const point = await disks.mount(device).catch(() => null);
  if (point !== null) await disks.unmount(point);
  return point !== null;
};

const ext4 = ['mkfs.ext4', '-q'] as const;
const xfs = ['mkfs.xfs', '-q', '-f'] as const;
const btrfs = ['mkfs.btrfs', '-q'] as const;
const GPT = 'label: gpt\nsize=100M\nsize=320M\nsize=120M\nsize=32M, type=swap\n';
const swap: Part = { mkfs: ['mkswap', '-q'] };

const leftOver = async (disks: Disks): Promise<string[]> => {
  const { stdout: mounts } = await run('findmnt', ['-rno', 'TARGET']);
  const { stdout: loops } = await run('losetup', ['-lnO', 'NAME,OFFSET,BACK-FILE']);
  return [
    ...mounts.split('\n').filter((line) => line.includes('ka-look-')),
    ...loops.split('\n').filter((line) => line.includes(disks.folder) && !/ 0 /.test(line)),
  ];
};

describe('a disk with a system that nobody runs', () => {
  test('is described by its own fstab, by UUID, label, PARTUUID, PARTLABEL, link and device name', async () => {
    await using disks = await Disks.create();
    const table =
      'label: gpt\nsize=60M\nsize=60M\nsize=60M\nsize=60M, name="the data"\nsize=60M\nsize=60M\nsize=20M, type=swap\n';
    const parts = Object.fromEntries([1, 2, 3, 4, 5, 6].map((number) => [number, { mkfs: ext4 }]));
    const made = await makeDisk(disks, table, {
      ...parts,
      2: { mkfs: [...ext4, '-L', 'my home'] },
      7: swap,
    });
    const fstab = [
      '# <file system> <mount point>',
      `UUID=${(await made.uuid(1)).toUpperCase()} / ext4 errors=remount-ro 0 1`,
      'LABEL=my\\040home /home ext4 defaults,nodev 0 2',
      `PARTUUID="${await made.partUuid(3)}" /var/my\\040data ext4 defaults 0 2`,
      'PARTLABEL=the\\040data /srv ext4 noatime',
      `/dev/disk/by-uuid/${await made.uuid(5)} /opt ext4`,
      '/dev/sda6 /usr/local ext4 ro 0 2',
      '/dev/sda7 none swap sw 0 0',
      '/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0',
      'tmpfs /tmp tmpfs nosuid 0 0',
      'server:/home /nfs nfs defaults 0 0',
      'UUID=00000000-0000-0000-0000-000000000000 /other ext4 nofail 0 2',
      '',
    ].join('\n');
    await put(disks, made, 1, { 'etc/fstab': fstab, 'etc/hostname': 'golden\n' });
    const wanted = {
      code: 0,
      partitions: [
        '1 / files errors=remount-ro',
        '2 /home files nodev',
        '3 /var/my data files',
        '4 /srv files noatime',
        '5 /opt files',
      ],
    };
    const { partitions, ...named } = await described(disks, `sda=${made.loop}`);
    expect({ ...named, partitions: partitions.slice(0, 5) }).toMatchObject(wanted);
    expect(partitions.slice(5)).toEqual(['6 /usr/local files ro', '7 empty']);
    expect(named.errors).toEqual([
      'ka: warning: /other of fstab (UUID=00000000-0000-0000-0000-000000000000) is not on these disks: left out',
    ]);
    // The image itself, attached to nothing the kernel knows the partitions of.
    const plain = await described(disks, made.image);
    expect(plain.partitions.slice(0, 5)).toEqual(wanted.partitions);
    expect(plain.partitions.slice(5)).toEqual(['6 raw', '7 empty']);
    expect(plain.errors.join('\n')).toMatch(
      /6 \(ext4\) is not in fstab: it is described to be copied/,
    );
    expect(plain.errors.join('\n')).toMatch(
      /\/usr\/local of fstab \(\/dev\/sda6\) is not on these/,
    );
    expect(await leftOver(disks)).toEqual([]);
  }, 60_000);

  test('by device names: the disk is called as its own / is', async () => {
    await using disks = await Disks.create();
    const table =
      'label: dos\nsize=100M, bootable\ntype=5\nsize=320M\nsize=32M, type=82\nsize=120M\n';
    const made = await makeDisk(disks, table, {
      1: {
        mkfs: ext4,
        files: {
          'etc/fstab':
            '/dev/vda1 / ext4 defaults 0 1\n/dev/vda5 /home xfs noatime 0 0\n/dev/vda6 swap swap\n/dev/vdb1 /data ext4\n',
        },
      },
      5: { mkfs: xfs },
      6: swap,
      7: { mkfs: btrfs },
    });
    const found = await described(disks, `sda=${made.loop}`);
    expect(found).toEqual({
      code: 0,
      partitions: ['1 / files', '2', '5 /home files noatime', '6 empty', '7 raw'],
      errors: [
        'ka: warning: sda7 (btrfs) is not in fstab: it is described to be copied byte by byte',
        'ka: warning: /data of fstab (/dev/vdb1) is not on these disks: left out',
      ],
    });
  }, 60_000);

  test('its only disk is taken for the first of its machine where everything fits that, and it says so', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(disks, GPT, { 1: { mkfs: ext4 }, 2: { mkfs: xfs }, 4: swap });
    const root = `UUID=${await made.uuid(1)} / ext4 defaults 0 1\n`;
    const withFstab = async (lines: string) => {
      await put(disks, made, 1, { 'etc/fstab': `${root}${lines}` });
      return described(disks, made.loop);
    };
    const name = made.loop.slice(5);
    expect(await withFstab('/dev/nvme0n1p2 /home xfs\n/dev/nvme0n1p4 none swap sw\n')).toEqual({
      code: 0,
      partitions: ['1 / files', '2 /home files', '3 empty', '4 empty'],
      errors: [
        `ka: warning: ${name}p2 (xfs) is taken for the /dev/nvme0n1p2 that fstab has on /home`,
      ],
    });
    // A second disk, another file system, a number that is the root's, something on another disk.
    for (const lines of [
      '/dev/sdb2 /home xfs\n',
      '/dev/sda2 /home ext4\n',
      '/dev/sda1 /home ext4\n',
      '/dev/sda2 /home xfs\nUUID=1234 /data ext4\n',
      '/dev/sda2 /home xfs\n/dev/mapper/vg-data /data ext4\n',
      '/dev/sda2 /home xfs\n/dev/vda4 none swap sw\n',
    ]) {
      const { partitions, errors } = await withFstab(lines);
      expect([lines, partitions[1]]).toEqual([lines, '2 raw']);
      expect(errors[0]).toMatch(/p2 \(xfs\) is not in fstab: it is described to be copied byte/);
    }
  }, 60_000);

  test('a btrfs with one plain file system is one; so is a system in one subvolume', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(disks, GPT, { 1: { mkfs: ext4 }, 2: { mkfs: btrfs } });
    const uuid = await made.uuid(2);
    await put(disks, made, 2, {
      'etc/fstab': `UUID=${uuid} / btrfs compress=zstd 0 0\nUUID=${await made.uuid(1)} /boot ext4\n`,
    });
    const plain = ['1 /boot files', '2 / files compress=zstd', '3 empty', '4 empty'];
    expect(await described(disks, made.loop)).toEqual({ code: 0, errors: [], partitions: plain });

    const point = await disks.mount(made.part(2));
    await run('rm', ['-r', join(point, 'etc')]);
    for (const name of ['@rootfs', 'snapshot']) {
      await run('btrfs', ['-q', 'subvolume', 'create', join(point, name)]);
      await write(join(point, name), {
        'etc/fstab': `UUID=${uuid} / btrfs compress=zstd,subvol=@rootfs 0 0\nUUID=${await made.uuid(1)} /boot ext4\n`,
      });
    }
    await disks.unmount(point);
    expect(await described(disks, made.loop)).toEqual({ code: 0, errors: [], partitions: plain });
  }, 60_000);

  test('subvolumes on several places are refused by name, and left open in a classic file', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(disks, 'label: dos\nsize=320M\n', { 1: { mkfs: btrfs } });
    const point = await disks.mount(made.part(1));
    const uuid = await made.uuid(1);
    for (const name of ['@', '@home']) {
      await run('btrfs', ['-q', 'subvolume', 'create', join(point, name)]);
    }
    await write(join(point, '@'), {
      'etc/fstab': `UUID=${uuid} / btrfs subvol=@\nUUID=${uuid} /home btrfs subvol=/@home\n`,
    });
    await disks.unmount(point);
    const why = 'sda1 (btrfs) is on / and /home by subvolumes';
    expect(await described(disks, `sda=${made.loop}`, '--format', 'yaml')).toEqual({
      code: 1,
      partitions: [],
      errors: [
        `ka: ${why}, but a description has one place for each file system; describe it by hand, with content: raw to copy it byte by byte`,
      ],
    });
    expect(await fromDisk([`sda=${made.loop}`])).toEqual({
      code: 0,
      out: '# sda\nlinux 320',
      errors: [`ka: warning: ${why}`],
    });
    // The same when it is mounted.
    const root = join(disks.folder, 'root');
    await mkdir(root);
    await disks.mountAt(made.part(1), root, 'subvol=@');
    await mkdir(join(root, 'home'));
    await disks.mountAt(made.part(1), join(root, 'home'), 'subvol=@home');
    const mounted = await described(disks, `sda=${made.loop}`, '--root', root);
    expect([mounted.code, mounted.errors[0]]).toEqual([1, expect.stringContaining(`ka: ${why},`)]);
  }, 60_000);

  test('what this machine cannot read is copied byte by byte, and said', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(
      disks,
      'label: gpt\nsize=40M, type=uefi\nsize=100M\nsize=100M\nsize=40M\nsize=40M\n',
      {
        1: { mkfs: ['mkfs.vfat'] },
        2: { mkfs: ext4 },
        3: { mkfs: ['mkfs.jfs', '-q'] },
        4: { mkfs: ext4 },
      },
    );
    await put(disks, made, 2, {
      'etc/fstab': `UUID=${await made.uuid(2)} / ext4\nUUID=${await made.uuid(1)} /boot/efi vfat umask=0077\nUUID=${await made.uuid(3)} /data jfs\nUUID=${await made.uuid(4)} /srv ext4\n`,
    });
    await damage(made.part(4));
    const found = await described(disks, `sda=${made.loop}`);
    expect(found.code).toBe(0);
    // Kernels have drivers or have not.
    const wanted = await Promise.all(
      [
        { number: 1, what: 'sda1 (vfat)', mount: '/boot/efi', options: ' umask=0077' },
        { number: 3, what: 'sda3 (jfs)', mount: '/data', options: '' },
        { number: 4, what: 'sda4 (ext4)', mount: '/srv', options: '' },
      ].map(async ({ number, what, mount, options }) =>
        (await canMount(disks, made.part(number)))
          ? { partition: `${number} ${mount} files${options}`, told: [] }
          : {
              partition: `${number} raw`,
              told: [`${what} cannot be read here (${mount} in fstab), `],
            },
      ),
    );
    const [esp, jfs, broken] = wanted.map(({ partition }) => partition);
    expect(found.partitions).toEqual([esp, '2 / files', jfs, broken, '5 empty']);
    expect(broken).toBe('4 raw');
    const told = wanted.flatMap((each) => each.told);
    expect(found.errors).toEqual(
      told.map((line) => expect.stringContaining(`ka: warning: ${line}`)),
    );
    for (const line of found.errors)
      expect(line).toMatch(/: it is described to be copied byte by byte$/);
    expect(await leftOver(disks)).toEqual([]);
  }, 60_000);

  test('a system that cannot be read leaves nothing but bytes, and says so', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(disks, GPT, { 1: { mkfs: ext4 }, 3: { mkfs: ext4 } });
    await damage(made.part(1));
    expect(await described(disks, `sda=${made.loop}`)).toEqual({
      code: 0,
      partitions: ['1 raw', '2 empty', '3 raw', '4 empty'],
      errors: [
        expect.stringMatching(
          /^ka: warning: sda1 \(ext4\) cannot be read here, .+: it is described to be copied byte by byte$/,
        ),
        'ka: warning: sda3 (ext4) is neither in fstab nor mounted: it is described to be copied byte by byte',
      ],
    });
  }, 60_000);

  test('who may not mount anything is told so', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(disks, GPT, { 1: { mkfs: ext4, files: { 'etc/fstab': '' } } });
    await run('chmod', ['755', disks.folder]);
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const { code, errors } = await fromDisk([made.image], nobody);
    expect(code).toBe(0);
    expect(errors).toEqual([
      expect.stringMatching(/1 \(ext4\) cannot be read here, only root can mount it: it is desc/),
    ]);
  }, 60_000);

  test('a file system that was not unmounted is read and left as it is', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(disks, GPT, {
      1: { mkfs: ext4, files: { 'etc/fstab': '/dev/sda1 / ext4\n/dev/sda2 /home xfs\n' } },
      2: { mkfs: xfs },
    });
    const points = [await disks.mount(made.part(1)), await disks.mount(made.part(2))];
    for (const point of points) await writeFile(join(point, 'file'), 'not written back yet');
    await run('sync', ['-f', join(points[0] ?? '', 'file')]);
    const dirty = join(disks.folder, 'dirty.img');
    await run('cp', ['--sparse=always', made.image, dirty]);
    const digest = async () => (await run('sha256sum', [dirty])).stdout;
    const before = await digest();
    const { partitions, errors } = await described(disks, dirty);
    expect([partitions, errors]).toEqual([
      ['1 / files', '2 /home files', '3 empty', '4 empty'],
      [],
    ]);
    expect(await digest()).toBe(before);
  }, 60_000);
});

describe('of several systems', () => {
  test('the one whose fstab means itself counts: a backup of it does not', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(disks, GPT, { 1: { mkfs: ext4 }, 3: { mkfs: ext4 } });
    const fstab = `UUID=${await made.uuid(3)} / ext4 noatime\nUUID=${await made.uuid(1)} /backup ext4\n`;
    for (const number of [1, 3]) await put(disks, made, number, { 'etc/fstab': fstab });
    const { partitions } = await described(disks, made.loop);
    expect(partitions).toEqual(['1 /backup files', '2 empty', '3 / files noatime', '4 empty']);
  }, 60_000);

  test('two are refused until one is mounted and named', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(disks, GPT, { 1: { mkfs: ext4 }, 3: { mkfs: ext4 } });
    for (const number of [1, 3]) {
      await put(disks, made, number, { 'etc/fstab': `UUID=${await made.uuid(number)} / ext4\n` });
    }
    expect(await described(disks, `sda=${made.loop}`)).toEqual({
      code: 1,
      partitions: [],
      errors: [
        'ka: there is a system on sda1 (ext4) and sda3 (ext4); mount the one to be cloned and say where: --root DIR',
      ],
    });
    const root = await disks.mount(made.part(3));
    const { partitions } = await described(disks, `sda=${made.loop}`, '--root', root);
    expect(partitions).toEqual(['1 raw', '2 empty', '3 / files', '4 empty']);
  }, 60_000);
});

describe('a system that is mounted somewhere', () => {
  test('is described from there: with --root, and when it is found', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(disks, GPT, {
      1: { mkfs: ext4, files: { 'home/.keep': '', 'srv/.keep': '' } },
      2: { mkfs: xfs },
      3: { mkfs: btrfs },
    });
    await put(disks, made, 1, {
      'etc/fstab': `/dev/sda1 / ext4 errors=remount-ro\nUUID=${await made.uuid(2)} /home xfs nodev\n`,
    });
    const root = await disks.mount(made.part(1));
    const found = await described(disks, `sda=${made.loop}`);
    expect(found.partitions).toEqual([
      '1 / files errors=remount-ro',
      '2 /home files nodev',
      '3 raw',
      '4 empty',
    ]);
    // A session would copy the empty directory below it.
    const partly = await described(disks, `sda=${made.loop}`, '--root', root);
    expect(partly.partitions[1]).toBe('2 raw');
    expect(partly.errors).toEqual([
      'ka: warning: sda2 (xfs) is not mounted on /home, where fstab has it: it is described to be copied byte by byte',
      'ka: warning: sda3 (btrfs) is neither in fstab nor mounted: it is described to be copied byte by byte',
    ]);
    await disks.mountAt(made.part(2), join(root, 'home'));
    await disks.mountAt(made.part(3), join(root, 'srv'));
    expect(await described(disks, `sda=${made.loop}`, '--root', root)).toEqual({
      code: 0,
      errors: [],
      partitions: ['1 / files errors=remount-ro', '2 /home files nodev', '3 /srv files', '4 empty'],
    });
  }, 60_000);

  test('a directory that is not there, or has nothing of the disk, is named', async () => {
    await using disks = await Disks.create();
    const made = await makeDisk(disks, GPT, { 1: { mkfs: ext4 } });
    const nosuch = join(disks.folder, 'nosuch');
    expect(await described(disks, made.loop, '--root', nosuch)).toMatchObject({
      code: 64,
      errors: ['ka: --root nosuch: there is no such directory'],
    });
    const other = await described(disks, `sda=${made.loop}`, '--root', disks.folder);
    expect(other.errors).toContain('ka: warning: nothing of these disks is mounted below --root');
  }, 60_000);
});

test('the running system: its fstab and kernel names, and only what is mounted', async () => {
  await using disks = await Disks.create();
  const made = await makeDisk(disks, GPT, {
    1: { mkfs: ext4 },
    2: { mkfs: xfs },
    3: { mkfs: ext4 },
  });
  const fstab = `UUID=${await made.uuid(1)} / ext4 errors=remount-ro\n${made.part(2)} /home xfs nodev\nUUID=${await made.uuid(3)} /srv ext4 noauto\nUUID=1234 /data ext4\n`;
  await put(disks, made, 1, { 'etc/fstab': fstab });
  // A root of its own makes it the running system, with this machine's programs.
  const root = await disks.mount(made.part(1));
  for (const name of ['bin', 'sbin', 'lib', 'lib64'])
    await symlink(`usr/${name}`, join(root, name));
  for (const name of ['/usr', '/proc', '/sys', '/dev', project]) {
    await mkdir(join(root, name), { recursive: true });
    await disks.mountAt(name, join(root, name), 'bind');
  }
  await mkdir(join(root, 'home'));
  await disks.mountAt(made.part(2), join(root, 'home'));
  const { code, out, errors } = await fromDisk(
    [`sda=${made.loop}`, '--format', 'yaml'],
    ['chroot', root, 'env', '-C', project],
  );
  expect(partitionsOf(out)).toEqual([
    '1 / files errors=remount-ro',
    '2 /home files nodev',
    '3 raw',
    '4 empty',
  ]);
  expect(errors).toEqual([
    'ka: warning: sda3 (ext4) is not mounted on /srv, where fstab has it: it is described to be copied byte by byte',
    'ka: warning: /data of fstab (UUID=1234) is not on these disks: left out',
  ]);
  expect(code).toBe(0);
}, 60_000);

test('links in a system lead nowhere', async () => {
  await using disks = await Disks.create();
  const made = await makeDisk(disks, GPT, { 1: { mkfs: ext4 }, 3: { mkfs: ext4 } });
  const outside = join(disks.folder, 'outside');
  await writeFile(outside, `UUID=${await made.uuid(3)} /stolen ext4\n`);
  const point = await disks.mount(made.part(1));
  await mkdir(join(point, 'etc'));
  await symlink(outside, join(point, 'etc/fstab'));
  await disks.unmount(point);
  const { partitions } = await described(disks, made.loop);
  expect(partitions).toEqual(['1 / files', '2 empty', '3 raw', '4 empty']);
}, 60_000);
