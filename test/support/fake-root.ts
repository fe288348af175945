/** Directory trees that look like a system. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Writes each file (path inside the root → text). */
export const writeFiles = async (
  root: string,
  files: Readonly<Record<string, string>>,
): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
};

/** What a system has of a kernel: its image, `ata_piix` as a file, `ext4` built in. */
export const kernelFiles = (version: string): Record<string, string> => ({
  [`boot/vmlinuz-${version}`]: 'kernel',
  [`lib/modules/${version}/modules.dep`]:
    'kernel/drivers/ata/ata_piix.ko.xz: kernel/drivers/ata/libata.ko.xz\nkernel/drivers/ata/libata.ko.xz:\nkernel/sound/snd-hda-intel.ko:\n',
  [`lib/modules/${version}/modules.builtin`]: 'kernel/fs/ext4/ext4.ko\n',
});
