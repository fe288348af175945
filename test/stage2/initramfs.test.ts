import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { dracut } from '../../boot/initramfs/dracut.ts';
import { initramfsTools } from '../../boot/initramfs/initramfs-tools.ts';
import { mkinitcpio } from '../../boot/initramfs/mkinitcpio.ts';
import { mkinitrd } from '../../boot/initramfs/mkinitrd.ts';
import { nameModules } from '../../stage2/initramfs.ts';
import { run } from '../../system/run.ts';
import { writeFiles } from '../support/fake-root.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const MODULES = ['ata_piix', 'snd_hda_intel'];

/** What bash makes of the settings, as the tools themselves read them. */
const sourced = async (root: string, file: string, variable: string): Promise<string> => {
  const script = `. "$1"; echo "\${${variable}[@]}"`;
  const { stdout } = await run('bash', ['-c', script, 'bash', join(root, file)]);
  return stdout.trim();
};

describe('modules for every initramfs', () => {
  test('are lines of initramfs-tools’ modules, beside those of the golden', async () => {
    await using root = await makeTempDir();
    const path = 'etc/initramfs-tools/modules';
    // The last line has no end, as an editor may leave it.
    await writeFiles(root.path, { [path]: '# own\nsnd-hda-intel\nnfs retrans=3' });
    expect(await nameModules(initramfsTools, root.path, MODULES)).toEqual([`/${path}: ata_piix`]);
    expect(await readFile(join(root.path, path), 'utf8')).toBe(
      '# own\nsnd-hda-intel\nnfs retrans=3\nata_piix\n',
    );
  });

  test('are settings of dracut and mkinitcpio that bash reads, added to the golden’s', async () => {
    await using root = await makeTempDir();
    await writeFiles(root.path, { 'etc/mkinitcpio.conf': 'MODULES=(ext4)\nHOOKS=(base udev)\n' });
    await nameModules(dracut, root.path, MODULES);
    await nameModules(mkinitcpio, root.path, MODULES);
    const drivers = await sourced(root.path, 'etc/dracut.conf.d/ka.conf', 'add_drivers');
    expect(drivers.split(/\s+/)).toEqual(MODULES);
    expect(await sourced(root.path, 'etc/mkinitcpio.conf', 'MODULES')).toBe(
      'ext4 ata_piix snd_hda_intel',
    );
  });

  test('are named once, however often a clone is cloned again', async () => {
    for (const tool of [initramfsTools, dracut, mkinitcpio]) {
      await using root = await makeTempDir();
      const file = join(root.path, tool.modulesFile?.path ?? '');
      await nameModules(tool, root.path, MODULES);
      const once = await readFile(file, 'utf8');
      expect(await nameModules(tool, root.path, MODULES.toReversed())).toEqual([]);
      expect(await nameModules(tool, root.path, [])).toEqual([]);
      expect(await readFile(file, 'utf8')).toBe(once);
      await nameModules(tool, root.path, ['nvme']);
      expect((await readFile(file, 'utf8')).startsWith(once)).toBe(true);
    }
  });

  test('leave no file where the tool has none for them, and where none are wanted', async () => {
    await using root = await makeTempDir();
    expect(await nameModules(mkinitrd, root.path, MODULES)).toEqual([]);
    expect(await nameModules(dracut, root.path, [])).toEqual([]);
    expect((await run('find', [root.path, '-type', 'f'])).stdout).toBe('');
  });
});
