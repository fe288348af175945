/** Golden and nodes find each other on networks that are not just one address on one cable. */
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Lab, type LabHost } from '../../demo/lab.ts';
import { labDirectory } from '../support/lab-directory.ts';

const PORT = '4957';
const quiet = '--disable-warning=ExperimentalWarning';
const script = (name: string): string[] => [
  process.execPath,
  quiet,
  fileURLToPath(new URL(`./support/${name}.ts`, import.meta.url)),
  PORT,
];

let lab: Lab;
let first: LabHost;
let second: LabHost;
/** What goldens said, line by line. */
let said: string[];

beforeEach(async () => {
  lab = await Lab.create({ nodes: 2, directory: labDirectory });
  const [one, two] = lab.nodes;
  if (!one || !two) throw new Error('no nodes');
  [first, second] = [one, two];
  said = [];
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

const ip = (host: LabHost, ...words: string[]) => host.run(['ip', ...words]);

/** Another network for a machine, beside the one of the lab or in its place. */
const addAddress = (host: LabHost, address: string, device = 'eth0') =>
  ip(host, 'address', 'add', address, 'broadcast', '+', 'dev', device);

const onlyOn = async (host: LabHost, address: string): Promise<void> => {
  await ip(host, 'address', 'flush', 'dev', 'eth0');
  await addAddress(host, address);
};

const announceOn = async (host: LabHost): Promise<void> => {
  const child = host.start(script('announcing'), { reject: false, stdin: 'ignore' });
  child.stdout?.on('data', (bytes: Buffer) => said.push(...String(bytes).trim().split('\n')));
  if (child.stdout) await once(child.stdout, 'data');
};

const find = async (host: LabHost): Promise<string> =>
  (await host.run(script('finding'))).stdout.trim();

/** Addresses of the golden that a node took, one for each of so many tries. */
const findOften = async (host: LabHost, times: number): Promise<string[]> => {
  const found: string[] = [];
  for (let time = 0; time < times; time += 1) found.push(await find(host));
  return [...new Set(found)];
};

describe('a golden with two addresses on one interface', () => {
  beforeEach(async () => {
    await addAddress(lab.golden, '192.168.7.1/24');
    await onlyOn(second, '192.168.7.2/24');
  });

  test('is found on both networks, by each node at the address it can reach', async () => {
    await announceOn(lab.golden);
    expect(await findOften(first, 3)).toEqual(['10.75.0.1']);
    expect(await findOften(second, 3)).toEqual(['192.168.7.1']);
    expect(said).toEqual(['announcing']);
  }, 60_000);

  test('is found so by nodes that were there before it', async () => {
    const finding = [find(first), find(second)];
    await sleep(1500);
    await announceOn(lab.golden);
    expect(await Promise.all(finding)).toEqual(['10.75.0.1', '192.168.7.1']);
  }, 60_000);
});

test('a node with two addresses on one interface finds a golden on either network', async () => {
  await addAddress(first, '192.168.7.2/24');
  await onlyOn(lab.golden, '192.168.7.1/24');
  await announceOn(lab.golden);
  expect(await find(first)).toBe('192.168.7.1');
  expect(said).toEqual(['announcing']);
}, 60_000);

test('one address on two interfaces is heard and speaks', async () => {
  for (const host of [lab.golden, first]) {
    await ip(host, 'link', 'add', 'other', 'type', 'bridge');
    await ip(host, 'address', 'add', `${host.address}/32`, 'dev', 'other');
    await ip(host, 'link', 'set', 'other', 'up');
  }
  const finding = find(first);
  await announceOn(lab.golden);
  expect(await finding).toBe('10.75.0.1');
  expect(await find(second)).toBe('10.75.0.1');
}, 60_000);

test('a machine with nothing but itself finds itself', async () => {
  await ip(lab.golden, 'link', 'set', 'eth0', 'down');
  await announceOn(lab.golden);
  expect(await find(lab.golden)).toBe('127.0.0.1');
  expect(said).toEqual(['announcing']);
}, 60_000);

test('networks without broadcast, and those without multicast, do with the other', async () => {
  for (const host of [lab.golden, first]) {
    const other = host === first ? lab.golden.address : first.address;
    await ip(host, 'address', 'flush', 'dev', 'eth0');
    await ip(host, 'address', 'add', host.address, 'peer', other, 'dev', 'eth0');
  }
  await announceOn(lab.golden);
  expect(await find(first)).toBe('10.75.0.1');
  for (const host of [lab.golden, first]) {
    await ip(host, 'link', 'set', 'eth0', 'multicast', 'off');
    await onlyOn(host, `${host.address}/24`);
  }
  expect(await find(first)).toBe('10.75.0.1');
}, 60_000);

test('a network that comes later is spoken on, too, and one that fails is told of once; a node without any says so', async () => {
  await ip(second, 'link', 'set', 'eth0', 'down');
  await ip(second, 'link', 'set', 'lo', 'down');
  const alone = find(second);
  await ip(first, 'address', 'flush', 'dev', 'eth0');
  const finding = find(first);
  await announceOn(lab.golden);
  await addAddress(lab.golden, '192.168.7.1/24');
  await sleep(1500);
  await addAddress(first, '192.168.7.2/24');
  expect(await finding).toBe('192.168.7.1');
  await ip(lab.golden, 'route', 'flush', 'table', 'local', 'type', 'broadcast');
  await ip(lab.golden, 'route', 'add', 'prohibit', '192.168.7.255');
  await sleep(3500);
  expect(said).toEqual([
    'announcing',
    'trouble: eth0 (192.168.7.1): send EACCES 192.168.7.255:4957',
  ]);
  expect(await alone).toBe(
    "Can't reach a valid KA server: this machine has no IPv4 address; bring up its network",
  );
}, 60_000);
