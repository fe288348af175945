import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chooseModules, firmwareOf, kernelOf, parseDrivers } from '../../images/kernel-modules.ts';
import { run } from '../../system/run.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

const KERNEL = '6.1.0-99-amd64';

let dir: TempDir;

beforeEach(async () => {
  dir = await makeTempDir();
  const write = (name: string, lines: string[]) =>
    writeFile(join(dir.path, name), `${lines.join('\n')}\n`);
  await write('modules.dep', [
    'kernel/drivers/net/ethernet/realtek/r8169.ko: kernel/drivers/net/phy/libphy.ko',
    'kernel/drivers/net/phy/libphy.ko:',
    'kernel/drivers/net/phy/realtek.ko: kernel/drivers/net/phy/libphy.ko',
    'kernel/drivers/net/virtio_net.ko: kernel/net/core/failover.ko kernel/drivers/virtio/virtio.ko',
    'kernel/net/core/failover.ko:',
    'kernel/drivers/virtio/virtio.ko:',
    'kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio.ko',
    'kernel/drivers/net/wireless/ath/ath9k.ko:',
    'kernel/drivers/block/loop.ko:',
    'kernel/fs/squashfs/squashfs.ko:',
    ...['xhci-pci', 'ehci-pci', 'ohci-pci', 'xen-netfront', 'hid-generic'].map(
      (name) => `kernel/drivers/other/${name}.ko:`,
    ),
    'kernel/drivers/hid/usbhid.ko:',
  ]);
  await write('modules.softdep', ['# comment', 'softdep r8169 pre: realtek']);
  await write('modules.builtin', ['kernel/drivers/usb/host/uhci-hcd.ko']);
});

afterEach(async () => {
  await dir[Symbol.asyncDispose]();
});

const choose = (drivers: string) => chooseModules(dir.path, KERNEL, parseDrivers(drivers));

/** An object file that says of itself what a module does (modinfo reads section .modinfo). */
const makeModule = async (file: string, facts: readonly string[]): Promise<void> => {
  await writeFile(`${file}.modinfo`, facts.map((fact) => `${fact}\0`).join(''));
  await run('as', ['-o', file], { input: '' });
  await run('objcopy', ['--add-section', `.modinfo=${file}.modinfo`, file]);
};

describe('drivers for the initrd', () => {
  test('of virtual machines: virtio with what it needs, and what mounts stage2', async () => {
    expect((await choose('virtio')).own).toEqual([
      'kernel/drivers/block/loop.ko',
      'kernel/drivers/net/virtio_net.ko',
      'kernel/drivers/virtio/virtio.ko',
      'kernel/drivers/virtio/virtio_pci.ko',
      'kernel/fs/squashfs/squashfs.ko',
      'kernel/net/core/failover.ko',
    ]);
  });

  test('of all wired cards: with the PHY drivers they ask for softly, without wireless', async () => {
    const { own } = await choose('all');
    expect(own).toContain('kernel/drivers/net/ethernet/realtek/r8169.ko');
    expect(own).toContain('kernel/drivers/net/phy/realtek.ko');
    expect(own).toContain('kernel/drivers/net/virtio_net.ko');
    expect(own.filter((path) => path.includes('wireless'))).toEqual([]);
  });

  test('of a list: names with dashes or underscores, files of the site for this kernel', async () => {
    await makeModule(join(dir.path, 'mine.ko'), [`vermagic=${KERNEL} SMP mod_unload`]);
    const list = join(dir.path, 'list');
    await writeFile(list, '# ours\nvirtio-net\n\nmine.ko # beside this file\n');
    const { own, foreign } = await choose(list);
    expect(own).toContain('kernel/drivers/net/virtio_net.ko');
    expect(own).not.toContain('kernel/drivers/net/ethernet/realtek/r8169.ko');
    expect(foreign).toEqual([join(dir.path, 'mine.ko')]);
  });

  test.each([
    ['nosuchcard', `kernel ${KERNEL} has no module "nosuchcard"; correct the list`],
    ['gone.ko', 'gone.ko is not there'],
    ['old.ko', `old.ko is built for kernel 5.10.0-1-amd64, the image has ${KERNEL}; build it for`],
  ])('a list with %s is refused', async (word, why) => {
    await makeModule(join(dir.path, 'old.ko'), ['vermagic=5.10.0-1-amd64 SMP mod_unload']);
    const list = join(dir.path, 'list');
    await writeFile(list, `${word}\n`);
    await expect(choose(list)).rejects.toThrow(why);
  });

  test('a list that cannot be read is refused', async () => {
    await expect(choose('/no/such/list')).rejects.toThrow(
      '--drivers /no/such/list: cannot be read (ENOENT); give all, virtio or a file with a list',
    );
  });
});

test('firmware is what modules say they need', async () => {
  const file = join(dir.path, 'card_x.ko');
  await makeModule(file, ['firmware=card/x-1.fw', 'firmware=card/x-2.fw', 'license=GPL']);
  expect(await firmwareOf([file])).toEqual(new Map([['card_x', ['card/x-1.fw', 'card/x-2.fw']]]));
});

test('a root with two kernels is refused', async () => {
  for (const kernel of [KERNEL, '6.1.0-98-amd64']) {
    await mkdir(join(dir.path, 'usr/lib/modules', kernel), { recursive: true });
  }
  await expect(kernelOf(dir.path)).rejects.toThrow('the image would have 2 kernels');
});
