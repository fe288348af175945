import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { dracut } from '../../boot/initramfs/dracut.ts';
import { initramfsTools } from '../../boot/initramfs/initramfs-tools.ts';
import { mkinitcpio } from '../../boot/initramfs/mkinitcpio.ts';
import { mkinitrd } from '../../boot/initramfs/mkinitrd.ts';
import { findInitramfsTool } from '../../boot/initramfs/tools.ts';
import { installedKernels, kernelModules } from '../../boot/kernels.ts';
import { kernelFiles, writeFiles } from '../support/fake-root.ts';
import { makeTempDir } from '../support/temp-dir.ts';

describe('the initramfs tool of a system', () => {
  for (const [files, tool] of [
    [['usr/sbin/update-initramfs', 'usr/sbin/mkinitramfs'], 'update-initramfs'],
    [['usr/sbin/update-initramfs', 'usr/bin/dracut'], 'dracut'],
    [['usr/bin/dracut', 'usr/bin/mkinitrd'], 'dracut'],
    [['usr/bin/mkinitcpio'], 'mkinitcpio'],
    [['sbin/mkinitrd'], 'mkinitrd'],
    [['usr/bin/true'], undefined],
  ] as const) {
    test(`with ${files.join(' and ')} is ${tool ?? 'none'}`, async () => {
      await using root = await makeTempDir();
      await writeFiles(root.path, Object.fromEntries(files.map((file) => [file, ''])));
      expect((await findInitramfsTool(root.path))?.name).toBe(tool);
    });
  }

  test('is looked for inside the system, where absolute links lead', async () => {
    await using root = await makeTempDir();
    await mkdir(join(root.path, 'usr/sbin'), { recursive: true });
    // On the machine that looks there certainly is a /bin/sh.
    await symlink('/bin/sh', join(root.path, 'usr/sbin/mkinitrd'));
    expect(await findInitramfsTool(root.path)).toBeNull();
    await writeFiles(root.path, { 'bin/sh': '' });
    expect((await findInitramfsTool(root.path))?.name).toBe('mkinitrd');
  });
});

describe('the kernels of a system', () => {
  test('are those with an image; their modules are files or built in', async () => {
    await using root = await makeTempDir();
    await writeFiles(root.path, { ...kernelFiles('6.1.0-9'), 'lib/modules/5.9/modules.dep': '' });
    expect(await installedKernels(root.path)).toEqual(['6.1.0-9']);
    const { loadable, builtIn } = await kernelModules(root.path, '6.1.0-9');
    expect([...loadable]).toEqual([
      ['ata_piix', 'ata_piix'],
      ['libata', 'libata'],
      ['snd_hda_intel', 'snd-hda-intel'],
    ]);
    expect([...builtIn]).toEqual(['ext4']);
  });

  test('are all with a list of modules where the image has no version in its name', async () => {
    await using root = await makeTempDir();
    await writeFiles(root.path, {
      'boot/vmlinuz-linux': 'kernel',
      'usr/lib/modules/6.9-arch1/modules.dep': '',
      'usr/lib/modules/extramodules/README': '',
    });
    expect(await installedKernels(root.path)).toEqual(['6.9-arch1']);
  });
});

describe('modules and options', () => {
  const kernels = [
    {
      version: '6.1',
      modules: {
        loadable: new Map([['snd_hda_intel', 'snd-hda-intel']]),
        builtIn: new Set(['ext4']),
      },
    },
  ];
  const wishes = { modules: ['snd_hda_intel', 'ext4'], options: ['-v'] };

  test('are told to mkinitrd as it finds its files; what is built in is no file', () => {
    expect(mkinitrd.commands(kernels, wishes)).toEqual([
      {
        command: 'mkinitrd',
        args: ['-f', '--with=snd-hda-intel', '-v', '/boot/initrd-6.1.img', '6.1'],
      },
    ]);
  });

  test('never reach a tool as the --with it does not know', () => {
    for (const tool of [initramfsTools, dracut, mkinitcpio]) {
      const [only, ...more] = tool.commands(kernels, wishes);
      expect(more).toEqual([]);
      expect(only?.args.at(-1)).toBe('-v');
      expect(only?.args.join(' ')).not.toMatch(/with|snd/);
      expect(tool.modulesFile).toBeDefined();
    }
  });
});
