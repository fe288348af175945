/** Values that would put words or lines of their own into a boot menu. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Labels } from '../../images/netboot/labels.ts';
import { readLabels, updateLabels } from '../../images/netboot/labels-store.ts';
import { bootMenus } from '../../images/netboot/menus.ts';
import { sessionLabels } from '../../images/netboot/session-labels.ts';
import { makeImage } from '../images/support/image.ts';

const MAC = '52:54:00:00:00:01';
const WORDS = 'x init=/bin/sh ka.join=10.0.0.66:30765/a/b';
const LINES = 'x\n  KERNEL http://10.0.0.66/evil';

let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ka-menus-'));
  process.env.KA_STATE_DIR = directory;
  await makeImage(directory);
});

afterEach(() => {
  delete process.env.KA_STATE_DIR;
  rmSync(directory, { recursive: true });
});

const follower = async () => {
  const errors: string[] = [];
  const labels = await sessionLabels({
    address: undefined,
    only: undefined,
    warn: () => undefined,
    onError: ({ message }) => errors.push(message),
  });
  return { labels, errors };
};

const open = (name: string, address: string, fingerprint?: string) => ({
  time: 0,
  kind: 'session' as const,
  state: 'open' as const,
  name,
  address,
  wanted: 1,
  ...(fingerprint === undefined ? {} : { fingerprint }),
});

describe('a session', () => {
  test.each([
    ['name', open(WORDS, '10.0.0.9:30765')],
    ['name of two lines', open(LINES, '10.0.0.9:30765')],
    ['host', open('lab', `${WORDS}:30765`)],
    ['port', open('lab', '10.0.0.9:99999')],
    ['key', open('lab', '10.0.0.9:30765', WORDS)],
  ])('with such a %s has no network boot, and all is as before', async (_what, event) => {
    const { labels, errors } = await follower();
    labels.listen(event);
    expect(errors).toEqual([expect.stringMatching(/^network boot: .*cannot be kept: session/)]);
    expect(readLabels().session).toBe(null);
  });
});

describe('labels.json', () => {
  const good: Labels = {
    default: 'kamethod',
    nodes: {},
    names: {},
    session: {
      process: { pid: 1, started: readFileSync('/proc/1/stat', 'utf8').split(' ')[21] ?? '' },
      name: 'lab',
      label: 'kamethod',
      golden: { host: '10.0.0.9', port: 30765 },
    },
  };
  const session = good.session ?? {};

  test.each([
    ['session name', { ...good, session: { ...session, name: WORDS } }],
    ['host', { ...good, session: { ...session, golden: { host: LINES, port: 30765 } } }],
    ['label', { ...good, default: 'kamethod\nLABEL x' }],
    ['key', { ...good, session: { ...session, pin: `${'a'.repeat(26)} init=/bin/sh` } }],
    ['MAC address', { ...good, nodes: { 'x\n': { label: 'local', why: 'chosen', since: 0 } } }],
  ])('with such a %s is damaged', (_what, labels) => {
    mkdirSync(join(directory, 'pxe'));
    writeFileSync(join(directory, 'pxe/labels.json'), JSON.stringify(good));
    expect(readLabels()).toEqual(good);
    writeFileSync(join(directory, 'pxe/labels.json'), JSON.stringify(labels));
    expect(() => readLabels()).toThrow(/labels\.json is damaged/);
    expect(() => updateLabels()).toThrow(/labels\.json is damaged/);
  });
});

test('what a machine asks for and says of itself is in no menu but as a MAC address', async () => {
  const given: unknown[] = [];
  const menus = bootMenus({
    base: 'http://10.0.0.1:30780/',
    image: 'default',
    device: 'none',
    labels: readLabels,
    onGiven: (menu) => given.push(menu),
    onError: (error) => given.push(error),
  });
  for (const file of [
    'ipxe/52-54-00-00-00-01\n.ipxe',
    'ipxe/52-54-00-00-00-01 x.ipxe',
    'ipxe/52-54-00-00-00-01.ipxe/x',
    'ipxe/-----------------.ipxe',
    'pxelinux.cfg/01-52-54-00-00-00-01%20x',
    'x/pxelinux.cfg/01-52-54-00-00-00-01',
  ]) {
    expect([file, menus.has(file)]).toEqual([file, false]);
    await expect(menus.make({ file, client: '10.0.0.2', cookie: undefined })).rejects.toThrow(
      RangeError,
    );
  }
  const byCookie = (mac: string) =>
    menus.make({
      file: 'pxelinux.cfg/default',
      client: `10.0.0.2 ${WORDS}`,
      cookie: `_Syslinux_BOOTIF=01-${mac}`,
    });
  for (const mac of [WORDS, '52-54-00-00-00-0x', `52-54-00-00-00-01 ${WORDS}`]) {
    expect(await byCookie(mac)).not.toMatch(/ka\.ticket|init=|10\.0\.0\.66/);
  }
  expect(await byCookie(MAC.replaceAll(':', '-'))).toMatch(/ ka\.ticket=[a-z2-7]{26} console/);
  expect(given.at(-1)).toMatchObject({ mac: MAC });
});
