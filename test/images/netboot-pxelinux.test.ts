/** The real pxelinux on an emulated BIOS machine, which no DHCP server told where its menu is. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Lab } from '../../demo/lab.ts';
import { plugIn } from '../lab/cable.ts';
import { Machine } from '../lab/machine.ts';
import { eventually } from '../support/eventually.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { makeImage } from './support/image.ts';
import { startServe, untilServing } from './support/serving.ts';

const MAC = '52:54:00:75:00:01';
const MIB = 1024 * 1024;
const BOOT_MS = 120_000;

/** A DHCP server that knows the boot loader's name and who has it, and no more (no option 210). */
const otherServer = (leases: string): string[] => [
  ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--no-ping'],
  ...['--interface=eth0', '--except-interface=lo', '--bind-interfaces', '--user=root'],
  ...['--dhcp-range=10.75.0.200,10.75.0.210,1h', `--dhcp-leasefile=${leases}`],
  '--dhcp-boot=lpxelinux.0,,10.75.0.1',
];

test('it is led from TFTP to HTTP, and gets the menu and the ticket of its MAC address', async () => {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.create({ nodes: 1, directory: labDirectory }));
  const state = join(lab.directory, 'state');
  await makeImage(state);
  await mkdir(join(state, 'pxe/dnsmasq.d'), { recursive: true });
  // Ours leaves the machine to the other server.
  await writeFile(join(state, 'pxe/dnsmasq.d/site.conf'), 'dhcp-ignore=tag:bios\n');
  const labels = { default: 'kamethod', nodes: {}, names: {}, session: null };
  await writeFile(join(state, 'pxe/labels.json'), JSON.stringify(labels));
  const leases = join(lab.directory, 'other.leases');
  const other = lab.nodes[0]?.start(otherServer(leases), { reject: false, stdio: 'ignore' });
  stack.defer(async () => {
    other?.kill();
    await other;
  });
  const served = startServe(lab.golden, state, ['--interface', 'eth0', '--mode', 'proxy']);
  stack.defer(async () => {
    served.process.kill('SIGTERM');
    await served.process.ended;
  });
  await untilServing(served);
  const machine = stack.use(
    await Machine.create({
      name: 'machine1',
      mac: MAC,
      firmware: 'bios',
      ipxeRom: true,
      memoryMebibytes: 128,
      diskBytes: MIB,
      directory: lab.directory,
      cable: await plugIn(lab, 2),
    }),
  );
  machine.powerOn();
  const heard = async (line: RegExp) => line.test(await served.output());
  await eventually(
    'it reads its menu',
    () => heard(/^52:54:00:75:00:01 10\.75\.0\.20\d {2}reads its boot menu: kamethod$/m),
    BOOT_MS,
  );
  await eventually(
    'it fetches the kernel',
    () => heard(/^52:54:00:75:00:01 10\.75\.0\.20\d {2}has the kernel of "default"/m),
    BOOT_MS,
  );
  expect(machine.text).toMatch(/^PXELINUX 6/m);
  expect(machine.text).toMatch(/^ka: kamethod in 5 seconds/m);
  expect(machine.text).not.toContain('ka.ticket');
}, 300_000);
