/** Which addresses a network has to give. */
import { expect, test } from '@jest/globals';
import { checkRange, defaultRange } from '../../images/netboot/network.ts';

const network = (address: string, netmask: string) => ({
  name: 'eth0',
  mac: '52:54:00:00:00:01',
  broadcast: '0.0.0.0',
  address,
  netmask,
});

const home = network('10.75.0.1', '255.255.255.0');

test.each([
  ['below the network', '10.74.255.255', '10.75.0.9', 'outside'],
  ['the network itself', '10.75.0.0', '10.75.0.9', 'outside'],
  ['the broadcast address', '10.75.0.5', '10.75.0.255', 'outside'],
  ['the wrong way round', '10.75.0.9', '10.75.0.5', 'comes after'],
  ['no address', '10.75.0.9', '10.75.0.999', 'not an IPv4 address'],
])('a range that is %s is refused', (_what, from, to, why) => {
  expect(() => checkRange(home, { from, to })).toThrow(why);
});

test('all of a network may be given', () => {
  const all = { from: '10.75.0.1', to: '10.75.0.254' };
  expect(checkRange(home, all)).toEqual(all);
});

test.each([
  ['10.75.0.1', '255.255.255.0', '10.75.0.128', '10.75.0.254'],
  ['192.168.7.77', '255.255.255.192', '192.168.7.96', '192.168.7.126'],
  ['172.16.9.1', '255.255.0.0', '172.16.128.0', '172.16.255.254'],
])('of the network of %s/%s the upper half', (address, netmask, from, to) => {
  expect(defaultRange(network(address, netmask))).toEqual({ from, to });
});

test.each([
  ['198.51.100.1', '255.255.255.0'],
  ['172.32.0.1', '255.255.255.0'],
  ['10.0.0.1', '255.255.255.248'],
])('of the network of %s/%s none is guessed', (address, netmask) => {
  expect(() => defaultRange(network(address, netmask))).toThrow('--range FROM,TO');
});
