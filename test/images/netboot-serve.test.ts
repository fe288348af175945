/** `ka pxe serve` in a lab: a golden that serves, machines that ask. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Lab, type LabHost } from '../../demo/lab.ts';
import { run } from '../../system/run.ts';
import { digestOf } from '../../trust/secret.ts';
import { eventually } from '../support/eventually.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { makeImage } from './support/image.ts';
import { askAs, refused, type Served, startServe, untilServing } from './support/serving.ts';

const BASE = 'http://10.75.0.1:30780/';
const MAC = '52:54:00:00:00:01';
const PLAIN = '52:54:00:00:00:02';
const DHCP = ['--interface', 'eth0', '--mode', 'dhcp', '--range', '10.75.0.100,10.75.0.120'];

const OLD_LINE = `kamethod ka.key=${Array(32).fill('AB').join(':')}`;
const OLD_MENUS = [
  ['boot.ipxe', 'chain ipxe/default.ipxe'],
  ['ipxe/default.ipxe', OLD_LINE],
  ['ipxe/52-54-00-00-00-01.ipxe', OLD_LINE],
  ['pxelinux.cfg/default', OLD_LINE],
  ['pxelinux.cfg/01-52-54-00-00-00-01', OLD_LINE],
] as const;

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
const fetchOn = async (
  host: LabHost,
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
  const { stdout } = await host.run(command);
  const end = stdout.lastIndexOf('\n');
  return { status: stdout.slice(end + 1), body: stdout.slice(0, end) };
};

const fetchFrom = (path: string, ...flags: string[]) => fetchOn(node(1), path, ...flags);

const ticketIn = (menu: string): string | undefined =>
  / ka\.ticket=([a-z2-7]{26}) /.exec(menu)?.[1];

/** What is kept of tickets. */
const kept = async (): Promise<{ mac: string; digest: string; used: boolean }[]> =>
  JSON.parse(await readFile(join(stateOf(lab.golden), 'pxe/tickets.json'), 'utf8'));

const macOf = async (host: LabHost): Promise<string> =>
  (await host.run(['cat', '/sys/class/net/eth0/address'])).stdout.trim();

/** Everything in the golden's state directory but the boot image, the output of `ka pxe serve` too. */
const allState = async (): Promise<string> => {
  const state = stateOf(lab.golden);
  const entries = await readdir(state, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('/images'));
  const texts = files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1'));
  return (await Promise.all(texts)).join('\n');
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
  // As an older ka has left them.
  for (const [place, text] of OLD_MENUS) {
    const file = join(stateOf(lab.golden), 'pxe/boot', place);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
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

  test('iPXE is led to the menu of its MAC address, pxelinux also by TFTP', async () => {
    expect((await fetchFrom('boot.ipxe')).body).toContain(`${BASE}ipxe/\${netX/mac:hexhyp}.ipxe\n`);
    const command = ['curl', '-s', 'tftp://10.75.0.1/pxelinux.cfg/default'];
    expect((await node(1).run(command)).stdout).toMatch(
      new RegExp(`^LABEL local\\n {2}LOCALBOOT 0\\nINCLUDE ${BASE}pxelinux.cfg/default\\n$`, 'm'),
    );
  });

  test('menus of an older ka are gone', async () => {
    for (const [place] of OLD_MENUS) {
      const file = join(stateOf(lab.golden), 'pxe/boot', place);
      if (existsSync(file)) expect(await readFile(file, 'utf8')).not.toContain('kamethod');
    }
    expect(await readdir(join(stateOf(lab.golden), 'pxe/boot'))).not.toContain('ipxe');
  });

  test('each menu has a ticket of its own, for its MAC address; it is nowhere but there', async () => {
    const fetched = [
      (await fetchFrom('ipxe/52-54-00-00-00-07.ipxe')).body,
      (await fetchFrom('ipxe/52-54-00-00-00-07.ipxe')).body,
      (await fetchFrom('/pxelinux.cfg/01-52-54-00-00-00-08')).body,
    ];
    expect(fetched[0]).toMatch(/^kernel \S+ initrd=initrd\.img kamethod ka\.key=[a-z2-7]{26} /m);
    expect(fetched[2]).toMatch(/^ {2}APPEND kamethod ka\.key=[a-z2-7]{26} ka\.ticket=/m);
    const tickets = fetched.map((menu) => ticketIn(menu) ?? 'none');
    expect(new Set(tickets).size).toBe(3);
    const macs = ['52:54:00:00:00:07', '52:54:00:00:00:07', '52:54:00:00:00:08'];
    expect((await kept()).slice(-3)).toMatchObject(
      tickets.map((ticket, index) => ({
        mac: macs[index],
        digest: digestOf(ticket),
        used: false,
      })),
    );
    const state = await allState();
    expect(state).toMatch(/^52:54:00:00:00:07 10\.75\.0\.11 {2}reads its boot menu: local$/m);
    for (const ticket of tickets) expect(state).not.toContain(ticket);
  });

  test('who only looks gets no ticket, and uses none up', async () => {
    const before = await kept();
    const { status, body } = await fetchFrom('ipxe/52-54-00-00-00-07.ipxe', '--head');
    expect({ status, ticket: ticketIn(body) }).toEqual({ status: '200', ticket: undefined });
    expect(body).toMatch(/cache-control: no-store/i);
    expect(await kept()).toEqual(before);
  });

  test('a machine that does not say its MAC address is known by its IP address', async () => {
    const { body } = await fetchFrom('pxelinux.cfg/default');
    const last = (await kept()).at(-1);
    expect(last).toMatchObject({
      mac: await macOf(node(1)),
      digest: digestOf(ticketIn(body) ?? ''),
    });
  });

  test('but not by what another network of this machine has there; it then asks by code', async () => {
    const there = '10.77.0.9';
    const other = '52:54:00:00:00:77';
    const neighbour = (device: string) =>
      lab.golden.run([
        'ip',
        'neigh',
        'replace',
        there,
        'lladdr',
        other,
        'nud',
        'permanent',
        'dev',
        device,
      ]);
    const menu = async (...flags: string[]) =>
      (await fetchOn(lab.golden, 'pxelinux.cfg/default', '--interface', there, ...flags)).body;
    await lab.golden.run(['ip', 'address', 'add', `${there}/32`, 'dev', 'lo']);
    await lab.golden.run(['ip', 'link', 'add', 'eth1', 'type', 'bridge']);
    await lab.golden.run(['ip', 'link', 'set', 'eth1', 'up']);
    await neighbour('eth1');
    const before = await kept();
    const anonymous = await menu();
    expect(anonymous).toMatch(/^ {2}APPEND kamethod ka\.key=[a-z2-7]{26} console=/m);
    expect(await kept()).toEqual(before);
    expect(await served.output()).toMatch(
      /^10\.77\.0\.9 {2}reads a boot menu: local, without a ticket, .*; it will ask by code$/m,
    );
    // pxelinux says it in a cookie, as it would in a name.
    const named = await menu('-b', 'a=b;_Syslinux_BOOTIF=01-52-54-00-00-00-0a;_Syslinux_CPU=6');
    expect((await kept()).at(-1)).toMatchObject({ mac: '52:54:00:00:00:0a' });
    expect(ticketIn(named)).toBeDefined();
    await lab.golden.run(['ip', 'link', 'delete', 'eth1']);
    await neighbour('eth0');
    expect(ticketIn(await menu())).toBeDefined();
    expect((await kept()).at(-1)).toMatchObject({ mac: other });
    await lab.golden.run(['ip', 'neigh', 'delete', there, 'dev', 'eth0']);
    await lab.golden.run(['ip', 'address', 'delete', `${there}/32`, 'dev', 'lo']);
  });

  test('where tickets cannot be kept a machine boots without one, which is said', async () => {
    const file = join(stateOf(lab.golden), 'pxe/tickets.json');
    await rm(file);
    await mkdir(file);
    const { status, body } = await fetchFrom('ipxe/52-54-00-00-00-07.ipxe');
    await rm(file, { recursive: true });
    expect(status).toBe('200');
    expect(body).toMatch(/ kamethod ka\.key=[a-z2-7]{26} console=/);
    expect(await served.output()).toMatch(/^trouble: no ticket for 52:54:00:00:00:07: .+$/m);
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
      lock: '600',
      'serving.json': '600',
      'tickets.json.lock': '600',
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
      ...['ipxe/default.ipxe', 'ipxe/.ipxe', 'ipxe/52-54-00-00-00.ipxe', 'pxelinux.cfg/0A4B000B'],
      ...['pxelinux.cfg/02-52-54-00-00-00-01', 'ipxe/52-54-00-00-00-0g.ipxe', 'tickets.json'],
    ];
    for (const path of paths) expect([path, (await fetchFrom(path)).status]).toEqual([path, '404']);
    expect((await fetchFrom('boot.ipxe', '-X', 'PUT')).status).toBe('405');
  });

  test('what a session that died has left is put right while serving', async () => {
    const labels = join(stateOf(lab.golden), 'pxe/labels.json');
    const dead = {
      process: { pid: 2 ** 22 - 1, started: '1' },
      name: 'dead',
      label: 'kamethod',
      golden: { host: '10.75.0.1', port: 30765 },
    };
    const before = { default: 'local', nodes: {}, names: {} };
    await writeFile(labels, JSON.stringify({ ...before, session: dead }));
    expect((await fetchFrom('ipxe/52-54-00-00-00-01.ipxe')).body).toMatch(/ goto local$/m);
    await eventually(
      'it is ended',
      async () => JSON.parse(await readFile(labels, 'utf8')).session === null,
    );
    expect(JSON.parse(await readFile(labels, 'utf8'))).toEqual({ ...before, session: null });
  });

  test('while the labels are damaged what counted last counts, and it is said once', async () => {
    const labels = join(stateOf(lab.golden), 'pxe/labels.json');
    const text = JSON.stringify({ default: 'kamethod', nodes: {}, names: {}, session: null });
    const menu = async () => (await fetchFrom('ipxe/52-54-00-00-00-01.ipxe')).body;
    await writeFile(labels, text);
    expect(await menu()).toMatch(/ goto kamethod$/m);
    await writeFile(labels, text.slice(1));
    expect(await menu()).toMatch(/ goto kamethod$/m);
    expect(await menu()).toMatch(/ goto kamethod$/m);
    expect((await served.output()).match(/^trouble: .*labels\.json is damaged.*$/gm)).toHaveLength(
      1,
    );
    await writeFile(labels, text.replace('kamethod', 'local'));
    expect(await menu()).toMatch(/ goto local$/m);
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
