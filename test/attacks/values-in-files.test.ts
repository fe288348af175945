/** Values that enter scripts, boot files and settings are what they can be, or nothing is written. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { homeCall } from '../../client-agent/home-call.ts';
import { baseUrl } from '../../images/netboot/boot-files.ts';
import { dhcpAdvice } from '../../images/netboot/dhcp-advice.ts';
import { dnsmasqConfig } from '../../images/netboot/dnsmasq-config.ts';
import { firstLabels, type Labels } from '../../images/netboot/labels.ts';
import { readLabels, updateLabels } from '../../images/netboot/labels-store.ts';
import { bootMenus } from '../../images/netboot/menus.ts';
import { type Serving, writeServing } from '../../images/netboot/serving.ts';
import { GoldenMessage } from '../../protocol/control.ts';
import { HomeCall } from '../../protocol/home.ts';
import { renameHost } from '../../stage2/host-name.ts';
import { homeScript } from '../../stage2/phone-home-script.ts';

const TOKEN = 'a'.repeat(32);

/** What would break out of quotes, lines, words, settings and paths. */
const HOSTILE = [
  "x';touch PWNED;'@10.0.0.1",
  '10.0.0.1; touch PWNED',
  '$(touch PWNED)',
  '`touch PWNED`',
  '10.0.0.1\ntouch PWNED',
  '10.0.0.1" . system("touch PWNED") . "',
  '10.0.0.1,tag:all',
  '10.0.0.1#',
  'golden.example',
  '../../x',
  '',
];

let state: string;

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'ka-test-'));
  process.env.KA_STATE_DIR = state;
});

afterEach(() => {
  rmSync(state, { recursive: true });
  delete process.env.KA_STATE_DIR;
});

describe('the script that calls home', () => {
  const caller = { program: 'nc', limit: '', command: ({ host }: HomeCall) => `nc ${host}` };
  const rest = { entries: [], afterwards: undefined };

  test.each(HOSTILE)('is not made with the host %j', (host) => {
    expect(HomeCall.safeParse({ host, port: 1, token: TOKEN }).success).toBe(false);
    expect(() => homeScript({ host, port: 1, token: TOKEN }, caller, rest)).toThrow();
  });

  test.each(['fe80::1%eth0', '2001:db8::1', '10.0.0.1'])('is made with %s', (host) => {
    expect(homeScript({ host, port: 1, token: TOKEN }, caller, rest)).toContain(`nc ${host}\n`);
  });

  test('is not made with another token or port', () => {
    const home = { host: '10.0.0.1', port: 1, token: TOKEN };
    for (const wrong of [{ token: "'$(x)" }, { token: '' }, { port: 0 }, { port: 1.5 }]) {
      expect(() => homeScript({ ...home, ...wrong }, caller, rest)).toThrow();
      const complete = { type: 'complete', settle: null, home: { ...home, ...wrong } };
      expect(GoldenMessage.safeParse(complete).success).toBe(false);
    }
  });

  test('names the address where the agent was told a name', async () => {
    const call = await homeCall('localhost', { port: 30766, token: TOKEN });
    expect(['127.0.0.1', '::1']).toContain(call.host);
    await expect(homeCall("x';touch PWNED;'", { port: 30766, token: TOKEN })).rejects.toThrow();
  });
});

describe('the host name of a clone', () => {
  test.each(['a;reboot', '$(reboot)', 'a\nALL=x', '../x', '-x', 'a b', 'ä', ''])(
    '%j is not written',
    async (to) => {
      await mkdir(join(state, 'etc'));
      writeFileSync(join(state, 'etc/hostname'), 'golden\n');
      const rename = renameHost(state, { from: 'golden', to });
      await expect(rename).rejects.toMatchObject({ code: 'BadHostName' });
      expect(readFileSync(join(state, 'etc/hostname'), 'utf8')).toBe('golden\n');
    },
  );
});

describe('boot files', () => {
  const serving: Serving = {
    process: { pid: 1, started: '1' },
    interface: 'eth0',
    address: '10.0.0.1',
    port: 30780,
    mode: 'dhcp',
    image: 'default',
  };
  const session = {
    process: { pid: process.pid, started: '' },
    name: 'lab',
    label: 'kamethod' as const,
    golden: { host: '10.0.0.1', port: 30765 },
  };
  const withSession = (changes: object): Labels => ({
    ...firstLabels,
    session: { ...session, ...changes },
  });

  const menuOf = async (labels: Labels, served: Serving): Promise<string> =>
    bootMenus({
      base: baseUrl(served),
      image: served.image,
      device: 'lo',
      labels: () => labels,
      onGiven: () => undefined,
      onError: (error) => {
        throw error;
      },
    }).make({ file: 'ipxe/52-54-00-00-00-01.ipxe', client: '127.0.0.1', cookie: undefined });

  test('are made of plain values', async () => {
    const menu = await menuOf(withSession({}), serving);
    expect(menu).toContain('ka.golden=10.0.0.1:30765 ka.session=lab');
  });

  test.each(HOSTILE.filter((text) => text !== 'golden.example'))(
    'are not made with %j as golden, session, image or address',
    async (value) => {
      const wrong = { code: 'NotPlain' };
      for (const changes of [{ golden: { host: value, port: 1 } }, { name: value }]) {
        expect(() => updateLabels(() => withSession(changes))).toThrow(
          expect.objectContaining({ code: 'BadLabels' }),
        );
      }
      for (const changes of [{ address: value }, { image: value }, { interface: value }]) {
        expect(() => writeServing({ ...serving, ...changes })).toThrow(
          expect.objectContaining(wrong),
        );
      }
      for (const changes of [{ address: value }, { image: value }]) {
        const menu = menuOf(withSession({}), { ...serving, ...changes });
        await expect(menu).rejects.toMatchObject(wrong);
      }
    },
  );

  test.each(['\nAPPEND x', '; reboot', '$(x)'])(
    'have no kernel argument with %j',
    async (value) => {
      const golden = { host: `10.0.0.1${value}`, port: 1 };
      await expect(menuOf(withSession({ golden }), serving)).rejects.toThrow();
    },
  );

  test('follow no labels somebody else wrote into their file', () => {
    updateLabels();
    const labels = withSession({ golden: { host: '10.0.0.1 init=/bin/sh', port: 1 } });
    writeFileSync(join(state, 'pxe/labels.json'), JSON.stringify(labels));
    expect(() => readLabels()).toThrow(expect.objectContaining({ code: 'BadLabels' }));
  });
});

describe('settings of DHCP servers', () => {
  const network = { name: 'eth0', address: '10.0.0.1', netmask: '255.255.255.0' };
  const options = { network, port: 30780, range: undefined, guessed: false };

  test.each(HOSTILE)('are not made with %j', (value) => {
    const wrong = expect.objectContaining({ name: 'NotPlain' });
    for (const changes of [
      { network: { ...network, name: value } },
      { network: { ...network, address: value } },
      { network: { ...network, netmask: value } },
      { range: { from: value, to: '10.0.0.9' } },
      { range: { from: '10.0.0.9', to: value } },
    ]) {
      // An interface may be called so.
      if ('network' in changes && changes.network.name === 'golden.example') continue;
      expect(() => dnsmasqConfig({ ...options, ...changes })).toThrow(wrong);
    }
    for (const server of ['dnsmasq', 'isc-dhcp', 'kea'] as const) {
      expect(() => dhcpAdvice(server, { address: value, port: 30780 })).toThrow(wrong);
    }
  });

  test.each(['/a b', '/a,b', '/a\ndhcp-script=/bin/sh', '/a#b', '/a"b'])(
    'are not made for a state directory %j',
    (directory) => {
      process.env.KA_STATE_DIR = directory;
      const wrong = expect.objectContaining({ name: 'NotPlain' });
      expect(() => dnsmasqConfig(options)).toThrow(wrong);
      process.env.KA_STATE_DIR = state;
    },
  );
});
