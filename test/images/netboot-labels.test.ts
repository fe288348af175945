/** What machines boot, as chosen by hand and by sessions; looked up in the menus boot loaders read. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { kaCommand } from '../../demo/ka-process.ts';
import { parseEthers } from '../../images/netboot/known-nodes.ts';
import { readLabels, updateLabels } from '../../images/netboot/labels-store.ts';
import { bootMenus } from '../../images/netboot/menus.ts';
import { sessionLabels } from '../../images/netboot/session-labels.ts';
import type { NewEvent } from '../../protocol/events.ts';
import { run } from '../../system/run.ts';
import { goldenKeys } from '../../trust/golden-keys.ts';
import { spendTicket } from '../../trust/tickets.ts';
import { eventually } from '../support/eventually.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { makeImage } from './support/image.ts';

const NODE1 = '52:54:00:00:00:01';
const NODE2 = '52:54:00:00:00:02';
/** Of every machine, as these say: it reaches the golden by this one. */
const OTHER_CARD = '52:54:00:00:00:ee';
const PIN = 'abcdefghijklmnopqrstuvwxy2';
const CONSOLES = 'console=tty0 console=ttyS0,115200 loglevel=5';

let dir: TempDir;

beforeEach(async () => {
  dir = await makeTempDir();
  process.env.KA_STATE_DIR = dir.path;
  await makeImage(dir.path);
  await mkdir(join(dir.path, 'pxe'));
  // As a serve that ended has left it.
  const dead = { pid: 2 ** 22 - 1, started: '1' };
  const where = { interface: 'eth0', address: '10.0.0.1', port: 30780, mode: 'dhcp' };
  const serving = { process: dead, ...where, image: 'default' };
  await writeFile(join(dir.path, 'pxe/serving.json'), JSON.stringify(serving));
});

afterEach(async () => {
  delete process.env.KA_STATE_DIR;
  await dir[Symbol.asyncDispose]();
});

/** The menus as `ka pxe serve` makes them. */
const menus = bootMenus({
  base: 'http://10.0.0.1:30780/',
  image: 'default',
  device: 'none',
  labels: readLabels,
  onGiven: () => undefined,
  onError: (error) => {
    throw error;
  },
});

const menu = (file: string): Promise<string> =>
  menus.make({ file, client: '10.0.0.2', cookie: undefined });

const TICKET = / ka\.ticket=[a-z2-7]{26} /;

/** Label and kernel command line of a machine, its ticket left out; pxelinux and iPXE must agree. */
const bootOf = async (mac: string): Promise<{ label: string; words: string }> => {
  const dashes = mac.replaceAll(':', '-');
  const pxelinux = await menu(`pxelinux.cfg/01-${dashes}`);
  const ipxe = await menu(`ipxe/${dashes}.ipxe`);
  const of = (text: string, pattern: RegExp) => pattern.exec(text)?.[1] ?? 'nothing';
  const wordsOf = (text: string, pattern: RegExp) => {
    const words = of(text, pattern);
    expect(words).toMatch(TICKET);
    return words.replace(TICKET, ' ');
  };
  const label = of(pxelinux, /^DEFAULT (\w+)$/m);
  const words = wordsOf(pxelinux, /^ {2}APPEND (.*)$/m);
  expect(of(ipxe, /\|\| goto (\w+)\n\n:kamethod/)).toBe(label);
  expect(wordsOf(ipxe, /^kernel \S+ initrd=initrd\.img (.*) BOOTIF=/m)).toBe(words);
  return { label, words };
};

const labelOf = async (mac: string): Promise<string> => (await bootOf(mac)).label;

const labelsOf = (...macs: string[]): Promise<string[]> => Promise.all(macs.map(labelOf));

const ka = async (...args: string[]): Promise<string> => {
  const [file, ...words] = kaCommand(args);
  return (await run(file, words)).stdout;
};

/** A golden that tells of its session. */
const golden = async (only?: readonly string[]) => {
  const errors: string[] = [];
  const warnings: string[] = [];
  const labels = await sessionLabels({
    address: undefined,
    only,
    warn: (message) => warnings.push(message),
    onError: ({ message }) => errors.push(message),
  });
  const emit = (event: NewEvent) => labels.listen({ time: 0, ...event });
  const session = (state: 'open' | 'finished') =>
    emit({
      kind: 'session',
      state,
      name: 'lab',
      address: '10.0.0.9:30765',
      wanted: 2,
      ...(state === 'open' ? { fingerprint: PIN } : { exitCode: 0 }),
    });
  /** `mac`: its ticket's. */
  const node = (number: number, mac: string | undefined, state: 'waiting' | 'failed' | 'done') =>
    emit({
      kind: 'node',
      node: number,
      name: `node${number}`,
      address: '10.0.0.2',
      state,
      macs: [OTHER_CARD, NODE1, NODE2],
      ...(mac === undefined ? {} : { bootMac: mac }),
    });
  return { labels, session, node, errors, warnings };
};

describe('by hand', () => {
  test('at first everybody boots the own disk', async () => {
    updateLabels();
    const { pin } = await goldenKeys();
    const words = `kamethod ka.key=${pin} ${CONSOLES}`;
    expect(await bootOf(NODE1)).toEqual({ label: 'local', words });
  });

  test('everybody, single machines, and back', async () => {
    expect(await ka('pxe', 'default', 'kamethod')).toMatch(/^everybody boots kamethod\n/);
    await ka('pxe', 'default', 'local', NODE1.replaceAll(':', '-'));
    expect(await labelsOf(NODE1, NODE2)).toEqual(['local', 'kamethod']);
    await ka('pxe', 'default', 'kamethod');
    expect(await labelsOf(NODE1, NODE2)).toEqual(['local', 'kamethod']);
    expect(await ka('pxe')).toMatch(new RegExp(`^${NODE1} +local +chosen`, 'm'));
    await ka('pxe', 'forget', NODE1);
    expect(await labelsOf(NODE1, NODE2)).toEqual(['kamethod', 'kamethod']);
  }, 30_000);

  test('an unknown name and an unknown label are one line, and change nothing', async () => {
    await expect(ka('pxe', 'default', 'kamethod', NODE1, 'node9')).rejects.toThrow(/"node9"/);
    await expect(ka('pxe', 'default', 'disk')).rejects.toMatchObject({
      output: expect.stringMatching(/kamethod or local/),
    });
    expect(readLabels().nodes).toEqual({});
  });

  test('its last ticket is shown with each machine, and nothing secret', async () => {
    const first = TICKET.exec(await menu(`ipxe/${NODE1.replaceAll(':', '-')}.ipxe`))?.[0] ?? '';
    await labelOf(NODE2);
    const secret = first.trim().replace('ka.ticket=', '');
    expect(spendTicket(secret, [NODE1])).toEqual({ mac: NODE1 });
    const shown = await ka('pxe');
    const day = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC';
    expect(shown).toMatch(new RegExp(`^${NODE1} +local +as everybody  ticket ${day}, used$`, 'm'));
    expect(shown).toMatch(new RegExp(`^${NODE2} +local .* ticket ${day}, not used$`, 'm'));
    expect(shown).not.toContain(secret);
    await labelOf(NODE1);
    expect(await ka('pxe')).toMatch(
      new RegExp(`^${NODE1} .* ticket ${day}, not used \\(that of ${day} was\\)$`, 'm'),
    );
  });

  test('a damaged file is named', async () => {
    await writeFile(join(dir.path, 'pxe/labels.json'), '{"default":"disk"}');
    await expect(ka('pxe')).rejects.toThrow(/labels\.json is damaged/);
  });

  test('/etc/ethers', () => {
    const text = '# machines\n52:54:0:0:0:A  node7 # new\n\n52:54:00:00:00:0b 10.0.0.7\nbad line\n';
    expect([...parseEthers(text)]).toEqual([
      ['node7', '52:54:00:00:00:0a'],
      ['10.0.0.7', '52:54:00:00:00:0b'],
    ]);
  });
});

describe('a session', () => {
  test('all boot to it; the cloned boot their disks at once; then all is as before', async () => {
    const { session, node, errors } = await golden();
    session('open');
    expect(await bootOf(NODE1)).toEqual({
      label: 'kamethod',
      words: `kamethod ka.golden=10.0.0.9:30765 ka.session=lab ka.key=${PIN} ${CONSOLES}`,
    });
    node(1, NODE1, 'waiting');
    node(2, NODE2, 'waiting');
    node(1, NODE1, 'done');
    expect(await labelsOf(NODE1, NODE2)).toEqual(['local', 'kamethod']);
    node(2, NODE2, 'failed');
    expect(await labelOf(NODE2)).toBe('kamethod');
    session('finished');
    expect(await labelsOf(NODE1, NODE2)).toEqual(['local', 'local']);
    expect((await bootOf(NODE2)).words).toMatch(/^kamethod ka\.key=\w+ console/);
    expect(errors).toEqual([]);
    // Names are known from now on.
    expect(await ka('pxe', 'default', 'kamethod', 'node2')).toMatch(/node2 +kamethod +chosen/);
    expect(await labelOf(NODE2)).toBe('kamethod');
  });

  test('only the machine changes its label that the ticket was made for', async () => {
    const { session, node, errors, warnings } = await golden();
    session('open');
    node(1, NODE1, 'waiting');
    node(1, NODE1, 'done');
    expect(await labelsOf(NODE1, NODE2, OTHER_CARD)).toEqual(['local', 'kamethod', 'kamethod']);
    // This one was let in by code: what it says of its addresses may be another's.
    node(2, undefined, 'waiting');
    node(2, undefined, 'done');
    expect(await labelsOf(NODE2, OTHER_CARD)).toEqual(['kamethod', 'kamethod']);
    expect(readLabels().names).toEqual({ node1: [NODE1] });
    expect(warnings).toEqual([
      expect.stringMatching(/^node2 came without a ticket .* ka pxe default local 52:54:/),
    ]);
    expect(errors).toEqual([]);
    session('finished');
  });

  test('with a list only its machines boot to it; the others keep what they have', async () => {
    await ka('pxe', 'default', 'local', OTHER_CARD);
    const { session } = await golden([NODE1, OTHER_CARD]);
    session('open');
    expect(await labelsOf(NODE1, NODE2, OTHER_CARD)).toEqual(['kamethod', 'local', 'local']);
    expect((await bootOf(NODE1)).words).toMatch(/ ka\.session=lab /);
    expect((await bootOf(NODE2)).words).toMatch(/^kamethod ka\.key=\w+ console/);
    // One whose address is not known is not on a list.
    expect(await menu('pxelinux.cfg/default')).toMatch(/^DEFAULT local$/m);
    expect(await ka('pxe')).toMatch(/^everybody boots local\nsession "lab" .* for the 2 machines/);
    session('finished');
    expect(await labelsOf(NODE1, NODE2)).toEqual(['local', 'local']);
    const nobody = await golden([]);
    expect(nobody.labels.warnings).toContainEqual(
      expect.stringContaining('names no MAC address, so nobody boots kamethod'),
    );
  });

  test('where everybody is to be cloned anyway, the cloned stay on their disks', async () => {
    await ka('pxe', 'default', 'kamethod');
    const { session, node } = await golden();
    session('open');
    node(1, NODE1, 'done');
    session('finished');
    expect(await labelsOf(NODE1, NODE2)).toEqual(['local', 'kamethod']);
    await ka('pxe', 'default', 'kamethod');
    expect(await labelOf(NODE1)).toBe('kamethod');
  });

  test('the next one leaves alone what the last one cloned, until an admin says otherwise', async () => {
    const first = await golden();
    first.session('open');
    first.node(1, NODE1, 'waiting');
    first.node(1, NODE1, 'done');
    first.session('finished');
    await ka('pxe', 'default', 'local', NODE2);
    const next = await golden();
    expect(next.labels.warnings).toContainEqual(
      expect.stringContaining('machines cloned before boot their own disks'),
    );
    next.session('open');
    expect(await labelsOf(NODE1, NODE2)).toEqual(['local', 'local']);
    await ka('pxe', 'forget', 'node1');
    expect(await labelsOf(NODE1, NODE2)).toEqual(['kamethod', 'local']);
    next.labels.close();
  });

  test('what an admin says meanwhile counts, and stays', async () => {
    const { session } = await golden();
    session('open');
    expect(await ka('pxe', 'default', 'local')).toMatch(/session "lab" .* after it: local/);
    expect(await labelOf(NODE1)).toBe('local');
    await ka('pxe', 'default', 'kamethod');
    session('finished');
    expect(await labelOf(NODE1)).toBe('kamethod');
  });

  test('one that is killed leaves nothing behind', async () => {
    const other = spawn('sleep', ['60']);
    const { session, node } = await golden();
    session('open');
    node(1, NODE1, 'done');
    const stat = readFileSync(`/proc/${other.pid}/stat`, 'utf8').split(' ');
    const labels = readLabels();
    const theirs = { pid: other.pid, started: stat[21] };
    const file = join(dir.path, 'pxe/labels.json');
    await writeFile(
      file,
      JSON.stringify({ ...labels, session: { ...labels.session, process: theirs } }),
    );
    expect(await ka('pxe')).toMatch(/^everybody boots kamethod\nsession "lab"/);
    await expect(golden()).rejects.toMatchObject({ code: 'SessionExists' });
    other.kill('SIGKILL');
    await eventually('it is gone', () => other.exitCode !== null || other.signalCode !== null);
    expect(await ka('pxe')).toMatch(new RegExp(`^everybody boots local\n${NODE1} +local +cloned`));
    expect((await bootOf(NODE2)).words).toMatch(/^kamethod ka\.key=\w+ console/);
    await golden();
  });

  test('without an image it is refused', async () => {
    await rm(join(dir.path, 'images/default'), { recursive: true });
    await expect(golden()).rejects.toMatchObject({ code: 'NoImage' });
    expect(readLabels().session).toBe(null);
  });

  test('many writers at once lose nothing', async () => {
    const macs = Array.from({ length: 6 }, (_, index) => `52:54:00:00:00:1${index}`);
    await Promise.all(macs.map((mac) => ka('pxe', 'default', 'kamethod', mac)));
    expect(Object.keys(readLabels().nodes).sort()).toEqual(macs);
  }, 30_000);
});
