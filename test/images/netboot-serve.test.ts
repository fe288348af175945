/** `ka pxe serve` in a lab: a golden that serves, machines that ask. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Lab } from '../../demo/lab.ts';
import { run } from '../../system/run.ts';
import { eventually } from '../support/eventually.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { makeImage } from './support/image.ts';
import { askAs, refused, type Served, startServe, untilServing } from './support/serving.ts';

const BASE = 'http://10.75.0.1:30780/';
const MAC = '52:54:00:00:00:01';
const PLAIN = '52:54:00:00:00:02';
const DHCP = ['--interface', 'eth0', '--mode', 'dhcp', '--range', '10.75.0.100,10.75.0.120'];

let lab: Lab;
let image: string;

/** Where dnsmasq may pass, which has no rights: a checkout need not be. */
let states: string;

/** Each machine has a state directory of its own. */
const stateOf = (host: { name: string }): string => join(states, `state-${host.name}`);

const node = (number: number) => {
  const found = lab.nodes[number - 1];
  if (!found) throw new RangeError(`no node ${number}`);
  return found;
};

/** Process numbers of dnsmasq on a machine of the lab. */
const dnsmasqs = async (host = lab.golden): Promise<string> =>
  (await host.run(['ss', '-Hlnup', 'sport = :69'])).stdout.trim();

/** Fetches with curl's way out of its own path rules; prints the body, then the status. */
const fetchFrom = async (
  path: string,
  ...flags: string[]
): Promise<{ status: string; body: string }> => {
  const command = [
    'curl',
    '-s',
    '--path-as-is',
    '-w',
    '\n%{http_code}',
    ...flags,
    `${BASE}${path}`,
  ];
  const { stdout } = await node(1).run(command);
  const end = stdout.lastIndexOf('\n');
  return { status: stdout.slice(end + 1), body: stdout.slice(0, end) };
};

beforeAll(async () => {
  lab = await Lab.create({ nodes: 2, directory: labDirectory });
  states = await mkdtemp(join(tmpdir(), 'ka-test-'));
  await chmod(states, 0o711);
  image = await makeImage(stateOf(lab.golden));
  await makeImage(stateOf(node(1)));
  const site = join(stateOf(lab.golden), 'pxe/dnsmasq.d');
  await mkdir(site, { recursive: true });
  await writeFile(join(site, 'site.conf'), `dhcp-host=${PLAIN},set:plain\n`);
}, 60_000);

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await rm(states, { recursive: true });
}, 60_000);

describe('where nobody gives addresses', () => {
  let served: Served;

  beforeAll(async () => {
    served = startServe(lab.golden, stateOf(lab.golden), DHCP);
    await untilServing(served);
  }, 30_000);

  afterAll(async () => {
    served.process.kill('SIGKILL');
    await served.process.ended;
  });

  test.each([
    ['a BIOS', MAC, 0, 'none', 'lpxelinux.0', BASE],
    ['a UEFI', MAC, 7, 'none', 'snponly.efi', ''],
    ['a UEFI of the other number', MAC, 9, 'none', 'snponly.efi', ''],
    ['a UEFI that boots by HTTP', MAC, 16, 'none', `${BASE}snponly.efi`, ''],
    ['iPXE on a BIOS', MAC, 0, 'iPXE', `${BASE}boot.ipxe`, ''],
    ['iPXE on a UEFI', MAC, 7, 'iPXE', `${BASE}boot.ipxe`, ''],
    ['iPXE on a BIOS that a site calls plain', PLAIN, 0, 'iPXE', 'lpxelinux.0', BASE],
    ['iPXE on a UEFI that a site calls plain', PLAIN, 7, 'iPXE', `${BASE}boot.ipxe`, ''],
  ])('%s gets its file', async (_who, mac, architecture, userClass, file, pathPrefix) => {
    const [offer, ...others] = await askAs(node(1), mac, architecture, userClass, 1);
    expect(others).toEqual([]);
    expect(offer).toMatchObject({ server: '10.75.0.1', nextServer: '10.75.0.1', file, pathPrefix });
    expect(offer?.offered).toMatch(/^10\.75\.0\.1[012]\d$/);
    if (architecture === 16) expect(offer?.vendor).toBe('HTTPClient');
  });

  test('an ordinary DHCP client gets a lease, and is told of in one line', async () => {
    const script = join(lab.directory, 'lease.sh');
    await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && echo "got $ip $bootfile"\nexit 0\n', {
      mode: 0o755,
    });
    const client = ['udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-s', script, '-O', 'bootfile'];
    const bios = ['-V', 'PXEClient:Arch:00000:UNDI:002001', '-x', '0x5d:0000'];
    const { stdout } = await node(2).run([...client, ...bios]);
    const [, address] = /^got (10\.75\.0\.1[012]\d) lpxelinux\.0$/m.exec(stdout) ?? [];
    expect(address).toBeDefined();
    const line = new RegExp(`^[0-9a-f:]{17} ${address}  BIOS, gets the boot loader$`, 'm');
    await eventually('the lease is told', async () => line.test(await served.output()));
  });

  test('kernel and initrd come by HTTP, and who has them is told', async () => {
    const there = join(lab.directory, 'fetched');
    expect((await fetchFrom('images/default/vmlinuz', '-o', there)).status).toBe('200');
    expect(await readFile(there)).toEqual(await readFile(join(image, 'vmlinuz')));
    expect((await fetchFrom('images/default/initrd.img', '-o', there)).status).toBe('200');
    expect(await readFile(there)).toEqual(await readFile(join(image, 'initrd.img')));
    const lines = [
      /^[0-9a-f:]{17} 10\.75\.0\.11 {2}fetches the kernel of "default", 0\.3 MiB$/m,
      /^[0-9a-f:]{17} 10\.75\.0\.11 {2}has the initrd of "default", in /m,
    ];
    for (const line of lines) {
      await eventually(`${line}`, async () => line.test(await served.output()));
    }
    const head = await fetchFrom('images/default/vmlinuz', '--head');
    expect(head.body).toMatch(/content-length: 300000/i);
  });

  test('boot loaders come by TFTP', async () => {
    const command = ['curl', '-s', '-o', '/dev/null', '-w', '%{size_download}'];
    const { stdout } = await node(1).run([...command, 'tftp://10.75.0.1/lpxelinux.0']);
    expect(Number(stdout)).toBeGreaterThan(50_000);
  });

  test('dnsmasq runs without root, with three rights, and sees what it serves only', async () => {
    const [, pid = ''] = /pid=(\d+)/.exec(await dnsmasqs()) ?? [];
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const uid = (await run('id', ['-u', 'dnsmasq'])).stdout.trim();
    expect(status).toMatch(new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'));
    // 10, 12 and 13 of linux/capability.h: NET_BIND_SERVICE, NET_ADMIN, NET_RAW.
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) {
      expect(status).toContain(`Cap${set}:\t0000000000003400\n`);
    }
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    const pxe = join(stateOf(lab.golden), 'pxe');
    const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
    const modes = Object.fromEntries(
      await Promise.all(
        (await readdir(pxe)).map(async (name) => [name, await modeOf(join(pxe, name))] as const),
      ),
    );
    expect(modes).toEqual({
      boot: '755',
      'dnsmasq.conf': '644',
      'dnsmasq.d': '755',
      'dnsmasq.leases': '600',
      'labels.json': '600',
      'serving.json': '600',
    });
    expect(await modeOf(pxe)).toBe('711');
    // It writes there, as who it is.
    expect((await stat(join(pxe, 'dnsmasq.leases'))).uid).toBe(Number(uid));
    expect(await readFile(join(pxe, 'dnsmasq.leases'), 'utf8')).toMatch(
      /^\d+ [0-9a-f:]{17} 10\.75/,
    );
  });

  test('nothing else is given', async () => {
    const paths = [
      ...['', 'nothing', 'images/default/', 'images/default/manifest.json', 'pxelinux.cfg'],
      ...['images/default/stage2.squashfs', '../labels.json', 'pxelinux.cfg/../../labels.json'],
      ...['images/../../pxe/labels.json', '..%2flabels.json', 'images/%2e%2e/vmlinuz', '%00'],
      ...['/../labels.json', 'images/../vmlinuz', 'images/none/vmlinuz', 'ipxe/..'],
    ];
    for (const path of paths) expect([path, (await fetchFrom(path)).status]).toEqual([path, '404']);
    expect((await fetchFrom('boot.ipxe', '-X', 'PUT')).status).toBe('405');
  });

  test('what a session that died has left is put right while serving', async () => {
    const state = stateOf(lab.golden);
    const labels = join(state, 'pxe/labels.json');
    const menu = join(state, 'pxe/boot/pxelinux.cfg/default');
    const dead = {
      process: { pid: 2 ** 22 - 1, started: '1' },
      name: 'dead',
      label: 'kamethod',
      golden: { host: '10.75.0.1', port: 30765 },
    };
    const before = { default: 'local', nodes: {}, names: {} };
    await writeFile(
      menu,
      (await readFile(menu, 'utf8')).replace('DEFAULT local', 'DEFAULT kamethod'),
    );
    await writeFile(labels, JSON.stringify({ ...before, session: dead }));
    await eventually('the menu is as before', async () =>
      (await readFile(menu, 'utf8')).includes('DEFAULT local'),
    );
    expect(JSON.parse(await readFile(labels, 'utf8'))).toEqual({ ...before, session: null });
  });

  test('a second one is refused, here and on the same network', async () => {
    const here = await refused(lab.golden, stateOf(lab.golden), DHCP);
    expect(here).toMatchObject({ exitCode: 1 });
    expect(here.said).toMatch(/^ka: ka pxe serve runs already on this machine .*10\.75\.0\.1.*\n$/);
    const beside = await refused(node(1), stateOf(node(1)), DHCP);
    expect(beside).toMatchObject({ exitCode: 1 });
    expect(beside.said).toMatch(
      /^ka: ka pxe serve runs already on this network: .*10\.75\.0\.1.*\n$/,
    );
  });

  test('it ends with everything on SIGTERM, and dnsmasq even on SIGKILL', async () => {
    expect(await dnsmasqs()).not.toBe('');
    served.process.kill('SIGTERM');
    expect(await served.process.ended).toBe(0);
    expect(await dnsmasqs()).toBe('');
    const again = startServe(lab.golden, stateOf(lab.golden), DHCP);
    await untilServing(again);
    again.process.kill('SIGKILL');
    await again.process.ended;
    await eventually('dnsmasq is gone', async () => (await dnsmasqs()) === '');
  }, 60_000);
});

describe('beside another DHCP server', () => {
  let served: Served;
  const over = new AbortController();
  let stopOther: () => Promise<void>;

  beforeAll(async () => {
    // Given by no bridge or switch: a real one on the second node.
    const other = node(2).start(
      // biome-ignore format: one option a line reads worse here
      ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--interface=eth0', '--except-interface=lo',
       '--bind-interfaces', '--dhcp-range=10.75.0.200,10.75.0.210,1h', `--dhcp-leasefile=${lab.directory}/other.leases`],
      { cancelSignal: over.signal, reject: false, stdio: 'ignore' },
    );
    stopOther = async () => {
      over.abort();
      await other;
    };
    served = startServe(lab.golden, stateOf(lab.golden), ['--interface', 'eth0']);
    await untilServing(served);
  }, 30_000);

  afterAll(async () => {
    served.process.kill('SIGTERM');
    await served.process.ended;
    await stopOther();
  });

  test('it gives no addresses by itself', async () => {
    expect(await served.output()).toMatch(/DHCP server \(10\.75\.0\.12\).*\nserving .*mode proxy/);
  });

  test.each([
    ['a BIOS', MAC, 0, 'none', 'lpxelinux.0'],
    ['a UEFI', MAC, 7, 'none', 'snponly.efi'],
    ['iPXE on a BIOS', MAC, 0, 'iPXE', `${BASE}boot.ipxe`],
    ['iPXE on a UEFI', MAC, 7, 'iPXE', `${BASE}boot.ipxe`],
    ['iPXE on a BIOS that a site calls plain', PLAIN, 0, 'iPXE', 'lpxelinux.0'],
  ])('%s gets its file from us and its address from there', async (_who, mac, arch, cls, file) => {
    const answers = await askAs(node(1), mac, arch, cls, 2);
    const ours = answers.filter(({ server }) => server === '10.75.0.1');
    expect(ours.every(({ offered }) => offered === '0.0.0.0')).toBe(true);
    // The last one counts: a UEFI asks again on the PXE port.
    expect(ours.at(-1)).toMatchObject({ nextServer: '10.75.0.1', file, vendor: 'PXEClient' });
    const theirs = answers.find(({ server }) => server === '10.75.0.12');
    expect(theirs?.offered).toMatch(/^10\.75\.0\.2(?:0\d|10)$/);
  });

  test('a mode that gives addresses is refused', async () => {
    served.process.kill('SIGTERM');
    await served.process.ended;
    const { exitCode, said } = await refused(lab.golden, stateOf(lab.golden), DHCP);
    expect(exitCode).toBe(1);
    expect(said).toMatch(
      /^ka: a DHCP server \(10\.75\.0\.12\) gives addresses on eth0 already;.*\n$/,
    );
  }, 30_000);
});

test('an address that answers a ping is not given, where the addresses are a guess', async () => {
  const offered = async (): Promise<string> => {
    const served = startServe(lab.golden, stateOf(lab.golden), ['--mode', 'dhcp']);
    await untilServing(served);
    const [offer] = await askAs(node(1), MAC, 0, 'none', 1);
    served.process.kill('SIGTERM');
    await served.process.ended;
    return offer?.offered ?? '';
  };
  const first = await offered();
  expect(first).toMatch(/^10\.75\.0\.\d+$/);
  await node(2).run(['ip', 'address', 'add', `${first}/24`, 'dev', 'eth0']);
  const second = await offered();
  expect(second).toMatch(/^10\.75\.0\.\d+$/);
  expect(second).not.toBe(first);
  await node(2).run(['ip', 'address', 'delete', `${first}/24`, 'dev', 'eth0']);
}, 60_000);

describe('what cannot be served is refused in one line', () => {
  const lineOf = async (flags: readonly string[], host = lab.golden): Promise<string> => {
    const { exitCode, said } = await refused(host, stateOf(host), flags);
    expect({ flags, exitCode }).toEqual({ flags, exitCode: 1 });
    expect(await dnsmasqs(host)).toBe('');
    return said;
  };

  test('no such image', async () => {
    expect(await lineOf(['--image', 'other'])).toMatch(/^ka: there is no boot image "other".*\n$/);
  });

  test('an interface that is not there, or has no address', async () => {
    expect(await lineOf(['--interface', 'eth7'])).toMatch(/^ka: there is no interface eth7.*\n$/);
    await lab.golden.run(['ip', 'link', 'add', 'eth1', 'type', 'bridge']);
    await lab.golden.run(['ip', 'link', 'set', 'eth1', 'up']);
    expect(await lineOf(['--interface', 'eth1'])).toMatch(
      /^ka: interface eth1 has no IPv4 addr.*\n$/,
    );
  });

  test('two networks, and none is named', async () => {
    await lab.golden.run(['ip', 'address', 'add', '10.76.0.1/24', 'dev', 'eth1']);
    expect(await lineOf([])).toMatch(/^ka: this machine has eth0 .*eth1 .*--interface\n$/);
    await lab.golden.run(['ip', 'link', 'delete', 'eth1']);
  });

  test('a range that is not of the network', async () => {
    const flags = ['--range', '10.76.0.5,10.76.0.9'];
    expect(await lineOf(flags)).toMatch(
      /^ka: --range: 10\.76\.0\.5 is outside .*\.1 to .*\.254\n$/,
    );
  });

  test('a public network without a range', async () => {
    await lab.golden.run(['ip', 'address', 'add', '198.51.100.1/24', 'dev', 'eth0']);
    const flags = ['--address', '198.51.100.1'];
    expect(await lineOf(flags)).toMatch(/^ka: the network of eth0 .*public.*--range FROM,TO\n$/);
    await lab.golden.run(['ip', 'address', 'delete', '198.51.100.1/24', 'dev', 'eth0']);
  }, 30_000);

  test('settings of the site that dnsmasq does not take', async () => {
    const site = join(stateOf(node(1)), 'pxe/dnsmasq.d');
    await mkdir(site, { recursive: true });
    await writeFile(join(site, 'bad.conf'), 'dhcp-hosts=x\n');
    expect(await lineOf(DHCP, node(1))).toMatch(/^ka: dnsmasq does not take .*bad\.conf.*\n$/);
  }, 30_000);

  test('a place dnsmasq cannot pass to', async () => {
    await chmod(states, 0o700);
    const said = await lineOf(DHCP);
    await chmod(states, 0o711);
    expect(said).toMatch(
      /^ka: user dnsmasq, as whom dnsmasq runs, cannot read \S+: \S+ lets nobody else pass; chmod o\+x.*\n$/,
    );
  }, 30_000);

  test('ports that are taken, and by what', async () => {
    const tftp = lab.golden.start(
      ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--enable-tftp'],
      { reject: false, stdio: 'ignore' },
    );
    await eventually('it listens', async () => (await dnsmasqs()) !== '');
    const { said } = await refused(lab.golden, stateOf(lab.golden), DHCP);
    expect(said).toMatch(/^ka: port 69\/udp \(TFTP\) is taken by dnsmasq \(process \d+\).*\n$/);
    tftp.kill();
    await tftp;
    const nc = lab.golden.start(['nc', '-l', '10.75.0.1', '30780'], { reject: false });
    const web = async () => (await lab.golden.run(['ss', '-Hltn', 'sport = :30780'])).stdout;
    await eventually('it listens', async () => (await web()) !== '');
    expect(await lineOf(DHCP)).toMatch(
      /^ka: port 30780\/tcp .* is taken by nc \(process \d+\).*\n$/,
    );
    nc.kill();
    await nc;
  }, 30_000);

  test('dnsmasq is not installed', async () => {
    const on = {
      argv: (words: readonly string[]) => lab.golden.argv(['env', 'PATH=/none', ...words]),
    };
    const { exitCode, said } = await refused(on, stateOf(lab.golden), DHCP);
    expect({ exitCode, said }).toEqual({
      exitCode: 1,
      said: 'ka: dnsmasq is not installed; install dnsmasq-base\n',
    });
  });
});
