import { describe, expect, test } from '@jest/globals';
import { nodeName } from '../../golden/node-name.ts';
import type { Hello } from '../../protocol/admission.ts';
import { someHello } from '../support/hello.ts';

const hello = (changes: { hostname?: string; name?: string; mac?: string } = {}): Hello => {
  const { hostname = 'kamethod', name = null, mac = '52:54:00:00:00:01' } = changes;
  const some = someHello({ name });
  return { ...some, inventory: { ...some.inventory, hostname, macs: [mac] } };
};

const nameOf = (
  nodes: { name: string; mac?: string; address?: string }[],
  node: Hello,
  taken: string[] = [],
) => nodeName(nodes, 'golden', node, '10.0.0.7', 3, new Set(taken));

describe('the name of a node', () => {
  test('the node list goes first, by MAC address whatever its case', () => {
    const list = [
      { name: 'anna', mac: '52:54:00:AA:BB:CC' },
      { name: 'berta', address: '10.0.0.7' },
    ];
    expect(nameOf(list, hello({ mac: '52:54:00:aa:bb:cc', name: 'x' }))).toBe('anna');
    expect(nameOf(list, hello({ name: 'x' }))).toBe('berta');
  });

  test('plain names of the list are given in order of joining', () => {
    const list = [{ name: 'lab1' }, { name: 'lab2' }];
    expect(nameOf(list, hello(), ['lab1'])).toBe('lab2');
  });

  test('then the name asked for, then the one DHCP gave', () => {
    expect(nameOf([], hello({ name: 'asked', hostname: 'dhcp' }))).toBe('asked');
    expect(nameOf([], hello({ hostname: 'dhcp' }))).toBe('dhcp');
  });

  test("never the golden's own name, one that is taken, or one that says nothing", () => {
    expect(nameOf([], hello({ name: 'golden' }))).toBe('node03');
    expect(nameOf([], hello({ name: 'a' }), ['a', 'node03'])).toBe('node04');
    expect(nameOf([], hello({ hostname: 'localhost' }))).toBe('node03');
  });
});
