import { describe, expect, test } from '@jest/globals';
import { chooseBoot } from '../../golden/boot-choice.ts';
import { kernelFiles, writeFiles } from '../support/fake-root.ts';
import { makeTempDir } from '../support/temp-dir.ts';

type Files = Readonly<Record<string, string>>;

const KERNEL = '6.1.0-9';
const none: Files = { 'etc/hostname': 'golden' };
const kernel: Files = kernelFiles(KERNEL);
const grub: Files = {
  'usr/sbin/grub-install': '',
  'usr/sbin/grub-mkconfig': '',
  'usr/lib/grub/i386-pc/normal.mod': '',
};
const debian: Files = {
  ...grub,
  ...kernel,
  'usr/sbin/update-initramfs': '',
  'usr/sbin/mkinitramfs': '',
};
const fedora: Files = { ...grub, ...kernel, 'usr/bin/dracut': '' };
const mandriva: Files = { ...grub, ...kernel, 'sbin/mkinitrd': '' };
const extlinux: Files = {
  'usr/bin/extlinux': '',
  'boot/extlinux/extlinux.conf': '',
  'usr/lib/EXTLINUX/mbr.bin': '',
};

const choose = async (files: Files, wanted?: string, table: 'msdos' | 'gpt' = 'msdos') => {
  await using root = await makeTempDir();
  await writeFiles(root.path, files);
  return await chooseBoot(wanted, root.path, table);
};

describe('a golden that has what was asked for', () => {
  test('gives modules by --with, written either way, for each tool alike', async () => {
    for (const files of [debian, fedora, mandriva]) {
      expect(await choose(files, 'grub --with=ata_piix --with snd-hda-intel --with=ext4')).toEqual({
        kind: 'grub',
        installableFor: new Set(['bios']),
        initramfsModules: ['ata_piix', 'snd_hda_intel', 'ext4'],
        initramfsOptions: [],
      });
    }
  });

  test('hands options of its own tool through as they are', async () => {
    const { initramfsModules, initramfsOptions } = await choose(
      fedora,
      ' grub  --with=ata_piix --add-drivers=libata -a lvm --hostonly ',
    );
    expect(initramfsModules).toEqual(['ata_piix']);
    expect(initramfsOptions).toEqual(['--add-drivers=libata', '-a', 'lvm', '--hostonly']);
  });

  test('starts its clones as it does itself when nothing was said', async () => {
    expect((await choose({ ...debian, 'boot/grub/grub.cfg': '' })).kind).toBe('grub');
    expect((await choose(extlinux)).kind).toBe('extlinux');
    expect((await choose({ 'etc/lilo.conf': '', 'sbin/lilo': '' })).kind).toBe('lilo');
    expect(await choose(none)).toMatchObject({ kind: 'none', installableFor: new Set() });
  });
});

describe('what the golden’s loader or initramfs tool would refuse on every node is refused at once', () => {
  for (const [wanted, files, code, why] of [
    ['syslinux', debian, 'UnknownBootloader', /-r syslinux: not a boot loader; use grub/],
    [
      'lilo',
      debian,
      'BootloaderMissing',
      /-r lilo: the golden in .* has no lilo, \/etc\/lilo.conf; install/,
    ],
    ['extlinux', debian, 'BootloaderMissing', /has no extlinux, \/boot\/extlinux, mbr.bin; .*extl/],
    [
      'grub',
      { 'usr/sbin/grub-install': '', 'usr/sbin/grub-mkconfig': '' },
      'BootloaderMissing',
      /has no \/usr\/lib\/grub\/i386-pc, \/usr\/lib\/grub\/x86_64-efi; .*grub-efi-amd64-bin/,
    ],
    [
      undefined,
      { ...debian, 'boot/extlinux/extlinux.conf': '' },
      'BootloaderMissing',
      /^the golden in .* starts by extlinux, but has no extlinux, mbr.bin; install/,
    ],
    ['grub --foo', debian, 'UnknownOption', /"--foo" is nothing .* update-initramfs; it takes --w/],
    ['grub foo', debian, 'UnknownOption', /"foo" is nothing .* it takes --with=MODULE, -v$/],
    ['grub -v=1', debian, 'UnknownOption', /"-v=1" is nothing/],
    ['grub --hostonly=no', fedora, 'UnknownOption', /"--hostonly=no" is nothing/],
    ['grub --hostonly', debian, 'UnknownOption', /"--hostonly" is nothing/],
    ['grub --with', debian, 'UnknownOption', /-r: write --with=MODULE$/],
    ['grub --with= -v', debian, 'UnknownOption', /-r: write --with=MODULE$/],
    ['grub --with --omit=x', fedora, 'UnknownOption', /-r: write --with=MODULE$/],
    ['grub --with=ata_pix', debian, 'NoSuchModule', /kernel 6.1.0-9 has no module "ata_pix"; corr/],
    [`grub${' --hostonly'.repeat(65)}`, fedora, 'UnknownOption', /too many or too long words/],
    ['grub --omit=dü', fedora, 'UnknownOption', /not ASCII/],
    ['grub --with=../ext4', debian, 'NoSuchModule', /no module "..\/ext4"/],
    ['none --preload=nope', mandriva, 'NoSuchModule', /no module "nope"/],
    ['grub --force-drivers nope', fedora, 'NoSuchModule', /no module "nope"/],
    [
      'grub --with=ata_piix',
      { ...debian, 'boot/vmlinuz-5.9': '', 'lib/modules/5.9/modules.dep': '' },
      'NoSuchModule',
      /kernel 5.9 has no module "ata_piix"; .*remove that kernel$/,
    ],
    ['grub --with=ata_piix', grub, 'UnknownOption', /nothing would heed "--with=ata_piix"/],
    [
      'grub -v',
      { ...grub, 'usr/sbin/update-initramfs': '', 'usr/sbin/mkinitramfs': '' },
      'NoSuchModule',
      /no kernel in \/boot/,
    ],
  ] as const) {
    test(`-r "${wanted ?? ''}": ${code}`, async () => {
      await expect(choose(files, wanted)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(why),
      });
    });
  }

  test('extlinux without the boot code for the described table', async () => {
    expect((await choose(extlinux, 'extlinux')).kind).toBe('extlinux');
    await expect(choose(extlinux, 'extlinux', 'gpt')).rejects.toMatchObject({
      code: 'BootloaderMissing',
      message: expect.stringMatching(/has no gptmbr.bin; install/),
    });
  });
});
