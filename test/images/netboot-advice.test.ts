/** What other DHCP servers are told to add: those servers take it, and then send machines to us. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { kaCommand } from '../../demo/ka-process.ts';
import { Lab } from '../../demo/lab.ts';
import { run } from '../../system/run.ts';
import { eventually } from '../support/eventually.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { askAs } from './support/serving.ts';

const SERVER = '10.75.0.1';
const BASE = `http://${SERVER}:30780/`;
const [FROM, TO] = ['10.75.0.100', '10.75.0.200'];

let lab: Lab;

beforeAll(async () => {
  lab = await Lab.create({ nodes: 1, directory: labDirectory });
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const adviceFor = async (server: string): Promise<string> => {
  const [command, ...args] = kaCommand(['pxe', 'config', '--for', server, '--server', SERVER]);
  return (await run(command, args)).stdout;
};

/** A whole configuration with the advice in it. */
const configs: Record<string, (advice: string) => string> = {
  dnsmasq: (advice) =>
    `${advice}port=0\ninterface=eth0\nuser=root\nno-ping\ndhcp-range=${FROM},${TO}\ndhcp-leasefile=${lab.directory}/dnsmasq.leases\n`,
  'isc-dhcp': (advice) =>
    `${advice}subnet 10.75.0.0 netmask 255.255.255.0 { range ${FROM} ${TO}; }\n`,
  kea: (advice) => {
    const own = {
      'interfaces-config': { interfaces: ['eth0'] },
      'lease-database': { type: 'memfile', persist: false },
      subnet4: [{ subnet: '10.75.0.0/24', pools: [{ pool: `${FROM} - ${TO}` }] }],
    };
    const { Dhcp4 } = JSON.parse(advice.replaceAll(/^\/\/.*$/gm, ''));
    return JSON.stringify({ Dhcp4: { ...Dhcp4, ...own } });
  },
};

describe.each([
  ['dnsmasq', ['--test', '-C'], ['--keep-in-foreground', '-C']],
  ['isc-dhcp', ['-t', '-cf'], ['-f', '-lf', 'LEASES', '-pf', 'PID', '-cf']],
  ['kea', ['-t'], ['-c']],
])('%s', (server, check, start) => {
  const program = { dnsmasq: 'dnsmasq', 'isc-dhcp': 'dhcpd', kea: 'kea-dhcp4' }[server] ?? '';

  test('takes the advice as it is', async () => {
    const file = join(lab.directory, `${server}.advice`);
    // dhcpd wants a network, too, even for a look.
    const text = await adviceFor(server);
    await writeFile(file, server === 'isc-dhcp' ? (configs[server]?.(text) ?? '') : text);
    await run(program, [...check, file]);
  });

  test('sends machines to us', async () => {
    const file = join(lab.directory, `${server}.conf`);
    await writeFile(file, configs[server]?.(await adviceFor(server)) ?? '');
    const own: Record<string, string> = { LEASES: `${file}.leases`, PID: `${file}.pid` };
    await writeFile(`${file}.leases`, '');
    const running = lab.golden.start([program, ...start.map((word) => own[word] ?? word), file], {
      reject: false,
      stdio: 'ignore',
      env: { KEA_PIDFILE_DIR: lab.directory, KEA_LOCKFILE_DIR: 'none' },
    });
    const sockets = () => lab.golden.run(['ss', '-Hlun', 'sport = :67']);
    await eventually(`${program} listens`, async () => (await sockets()).stdout.includes(':67'));
    const [node] = lab.nodes;
    if (!node) throw new Error('no node');
    for (const [number, userClass, boots, pathPrefix] of [
      [0, 'none', 'lpxelinux.0', BASE],
      [7, 'none', 'snponly.efi', ''],
      [9, 'none', 'snponly.efi', ''],
      [16, 'none', `${BASE}snponly.efi`, ''],
      [0, 'iPXE', `${BASE}boot.ipxe`, ''],
      [7, 'iPXE', `${BASE}boot.ipxe`, ''],
    ] as const) {
      const [offer] = await askAs(node, '52:54:00:00:00:01', number, userClass, 1);
      const wanted = { server: SERVER, nextServer: SERVER, file: boots, pathPrefix };
      expect({ number, userClass, offer }).toMatchObject({ number, userClass, offer: wanted });
      if (number === 16) expect(offer?.vendor).toBe('HTTPClient');
    }
    running.kill();
    await running;
  }, 30_000);
});
