/** What other DHCP servers are told to add, as these servers themselves judge it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { kaCommand } from '../../demo/ka-process.ts';
import { run } from '../../system/run.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;

beforeAll(async () => {
  dir = await makeTempDir();
});

afterAll(async () => {
  await dir[Symbol.asyncDispose]();
});

/** Writes the advice with `more` after it; returns the file. */
const advice = async (server: string, more = ''): Promise<string> => {
  const words = ['pxe', 'config', '--for', server, '--server', '10.0.0.1'];
  const [command, ...args] = kaCommand(words);
  const { stdout } = await run(command, args);
  expect(stdout).toContain('http://10.0.0.1:30780/boot.ipxe');
  const file = join(dir.path, server);
  await writeFile(file, stdout + more);
  return file;
};

test('dnsmasq takes it', async () => {
  await run('dnsmasq', ['--test', `--conf-file=${await advice('dnsmasq')}`]);
});

test('ISC dhcpd takes it', async () => {
  const subnet = 'subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100 10.0.0.200; }\n';
  await run('dhcpd', ['-t', '-cf', await advice('isc-dhcp', subnet)]);
});

test('Kea takes it', async () => {
  await run('kea-dhcp4', ['-t', await advice('kea')]);
});
