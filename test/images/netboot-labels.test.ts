/** What machines boot, as chosen by hand and by sessions; looked up in the files boot loaders read. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { kaCommand } from '../../demo/ka-process.ts';
import { parseEthers } from '../../images/netboot/known-nodes.ts';
import { readLabels, updateLabels } from '../../images/netboot/labels-store.ts';
import { sessionLabels } from '../../images/netboot/session-labels.ts';
import type { NewEvent } from '../../protocol/events.ts';
import { run } from '../../system/run.ts';
import { eventually } from '../support/eventually.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { makeImage } from './support/image.ts';

const NODE1 = '52:54:00:00:00:01';
const NODE2 = '52:54:00:00:00:02';
/** Every machine has a second card that is linked. */
const OTHER_CARD = '52:54:00:00:00:ee';
const FINGERPRINT = 'AB:CD';

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

const bootFile = (name: string): string => join(dir.path, 'pxe/boot', name);

/** The file a machine gets: its own, otherwise everybody's. */
const fileOf = (own: string, everybody: string): string =>
  readFileSync(existsSync(bootFile(own)) ? bootFile(own) : bootFile(everybody), 'utf8');

/** Label and kernel command line of a machine; pxelinux and iPXE must agree. */
const bootOf = (mac: string): { label: string; words: string } => {
  const dashes = mac.replaceAll(':', '-');
  const pxelinux = fileOf(`pxelinux.cfg/01-${dashes}`, 'pxelinux.cfg/default');
  const ipxe = fileOf(`ipxe/${dashes}.ipxe`, 'ipxe/default.ipxe');
  const of = (text: string, pattern: RegExp) => pattern.exec(text)?.[1] ?? 'nothing';
  const label = of(pxelinux, /^DEFAULT (\w+)$/m);
  const words = of(pxelinux, /^ {2}APPEND (.*)$/m);
  expect(of(ipxe, /\|\| goto (\w+)\n\n:kamethod/)).toBe(label);
  expect(of(ipxe, /^kernel \S+ initrd=initrd\.img (.*) BOOTIF=/m)).toBe(words);
  return { label, words };
};

const labelOf = (mac: string): string => bootOf(mac).label;

const ka = async (...args: string[]): Promise<string> => {
  const [file, ...words] = kaCommand(args);
  return (await run(file, words)).stdout;
};

/** A golden that tells of its session. */
const golden = async () => {
  const errors: string[] = [];
  const labels = await sessionLabels(undefined, ({ message }) => errors.push(message));
  const emit = (event: NewEvent) => labels.listen({ time: 0, ...event });
  const session = (state: 'open' | 'finished') =>
    emit({
      kind: 'session',
      state,
      name: 'lab',
      address: '10.0.0.9:30765',
      wanted: 2,
      ...(state === 'open' ? { fingerprint: FINGERPRINT } : { exitCode: 0 }),
    });
  const node = (number: number, mac: string, state: 'waiting' | 'failed' | 'done') =>
    emit({
      kind: 'node',
      node: number,
      name: `node${number}`,
      address: '10.0.0.2',
      state,
      macs: [mac, OTHER_CARD],
    });
  return { labels, session, node, errors };
};

describe('by hand', () => {
  test('at first everybody boots the own disk', async () => {
    updateLabels();
    expect(bootOf(NODE1)).toEqual({
      label: 'local',
      words: 'kamethod console=tty0 console=ttyS0,115200',
    });
  });

  test('everybody, single machines, and back', async () => {
    expect(await ka('pxe', 'default', 'kamethod')).toMatch(/^everybody boots kamethod\n/);
    await ka('pxe', 'default', 'local', NODE1.replaceAll(':', '-'));
    expect([labelOf(NODE1), labelOf(NODE2)]).toEqual(['local', 'kamethod']);
    await ka('pxe', 'default', 'kamethod');
    expect([labelOf(NODE1), labelOf(NODE2)]).toEqual(['local', 'kamethod']);
    expect(await ka('pxe')).toMatch(new RegExp(`^${NODE1} +local +chosen`, 'm'));
    await ka('pxe', 'forget', NODE1);
    expect([labelOf(NODE1), labelOf(NODE2)]).toEqual(['kamethod', 'kamethod']);
  }, 30_000);

  test('an unknown name and an unknown label are one line, and change nothing', async () => {
    await expect(ka('pxe', 'default', 'kamethod', NODE1, 'node9')).rejects.toThrow(/"node9"/);
    await expect(ka('pxe', 'default', 'disk')).rejects.toMatchObject({
      output: expect.stringMatching(/kamethod or local/),
    });
    expect(readLabels().nodes).toEqual({});
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
    expect(bootOf(NODE1)).toEqual({
      label: 'kamethod',
      words: `kamethod ka.golden=10.0.0.9:30765 ka.session=lab ka.key=${FINGERPRINT} console=tty0 console=ttyS0,115200`,
    });
    node(1, NODE1, 'waiting');
    node(2, NODE2, 'waiting');
    node(1, NODE1, 'done');
    expect([labelOf(NODE1), labelOf(NODE2)]).toEqual(['local', 'kamethod']);
    expect(labelOf(OTHER_CARD)).toBe('local');
    node(2, NODE2, 'failed');
    expect(labelOf(NODE2)).toBe('kamethod');
    session('finished');
    expect([labelOf(NODE1), labelOf(NODE2)]).toEqual(['local', 'local']);
    expect(bootOf(NODE2).words).toBe('kamethod console=tty0 console=ttyS0,115200');
    expect(errors).toEqual([]);
    // Names are known from now on.
    expect(await ka('pxe', 'default', 'kamethod', 'node2')).toMatch(/node2 +kamethod +chosen/);
    expect(labelOf(NODE2)).toBe('kamethod');
  });

  test('where everybody is to be cloned anyway, the cloned stay on their disks', async () => {
    await ka('pxe', 'default', 'kamethod');
    const { session, node } = await golden();
    session('open');
    node(1, NODE1, 'done');
    session('finished');
    expect([labelOf(NODE1), labelOf(NODE2)]).toEqual(['local', 'kamethod']);
    await ka('pxe', 'default', 'kamethod');
    expect(labelOf(NODE1)).toBe('kamethod');
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
    expect([labelOf(NODE1), labelOf(NODE2)]).toEqual(['local', 'local']);
    await ka('pxe', 'forget', 'node1');
    expect([labelOf(NODE1), labelOf(NODE2)]).toEqual(['kamethod', 'local']);
    expect(labelOf(OTHER_CARD)).toBe('kamethod');
    next.labels.close();
  });

  test('what an admin says meanwhile counts, and stays', async () => {
    const { session } = await golden();
    session('open');
    expect(await ka('pxe', 'default', 'local')).toMatch(/session "lab" .* after it: local/);
    expect(labelOf(NODE1)).toBe('local');
    await ka('pxe', 'default', 'kamethod');
    session('finished');
    expect(labelOf(NODE1)).toBe('kamethod');
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
    expect(bootOf(NODE2).words).toBe('kamethod console=tty0 console=ttyS0,115200');
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
